"""Train SEB on rendered scenes; goes on from its checkpoint.

    python benchmarks/train_sources.py --scenes DIR --checkpoint FILE --steps 6000

``--scenes`` holds train/ and held/, see render_scenes.py; scenes may be added meanwhile. The rate
falls as a cosine over the steps, or over ``--minutes`` from now, whichever is farther.
"""

import argparse
import math
import time
from pathlib import Path

import cv2
import torch

from napari_focusstack.networks.seb import SEB
from napari_focusstack.training.source_task import SourceTask

RATE, LEAST_SHARE, AVERAGE, WARM_UP = 2e-3, 0.02, 0.995, 100


class Run:
    def __init__(self, options):
        self.options = options
        torch.manual_seed(0)
        self.network = SEB(options.width)
        self.task = SourceTask(options.scenes / "train", options.scenes / "held", options.batch)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE)
        )
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=RATE)
        self.generator = torch.Generator().manual_seed(1)
        self.step = 0
        self.began = time.time()
        if options.checkpoint.exists():
            state = torch.load(options.checkpoint, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.averaged.load_state_dict(state["averaged"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.generator.set_state(state["generator"])
            self.step = state["step"]
            print("goes on at", self.step, flush=True)

    def share(self):
        share = self.step / self.options.steps
        if self.options.minutes:
            share = max(share, (time.time() - self.began) / 60 / self.options.minutes)
        return min(1.0, share)

    def train_step(self):
        falling = LEAST_SHARE + (1 - LEAST_SHARE) * (1 + math.cos(math.pi * self.share())) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = RATE * min(1, (self.step + 1) / WARM_UP) * falling
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for batch in self.task.draw(self.step, self.generator):
            loss = self.task.loss(self.task.answer(self.network, batch), batch) / self.task.batch
            loss.backward()
            total += loss.item()
        if torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0).isfinite():
            self.optimiser.step()
            self.averaged.update_parameters(self.network)
        self.step += 1
        return total

    def save(self):
        state = {
            "config": self.network.config,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
        }
        part = self.options.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.options.checkpoint)

    @torch.no_grad()
    def validate(self):
        found, truth = [], []
        for batch in self.task.validation():
            found.append(self.task.answer(self.averaged.module, batch))
            truth.append(self.task.truth(batch))
        return self.task.scores(found, truth) if found else {}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every-s", type=float, default=240)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = Run(options)
    saved, mean, saves = time.time(), None, 0
    while run.step < options.steps:
        loss = run.train_step()
        mean = loss if mean is None else 0.98 * mean + 0.02 * loss
        if run.step % 50 == 0:
            print(f"{run.step} {time.time() - run.began:.0f} s, loss {mean:.4f}", flush=True)
        if time.time() - saved > options.save_every_s or run.step == options.steps:
            run.save()
            saved, saves = time.time(), saves + 1
            if saves % 3 == 0 or run.step == options.steps:
                scores = {name: round(value, 3) for name, value in run.validate().items()}
                print("   validation", run.step, scores, flush=True)


if __name__ == "__main__":
    main()
