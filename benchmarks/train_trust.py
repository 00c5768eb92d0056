"""Train TEB on pairs of pictures made by make_rivals.py.

python benchmarks/train_trust.py --rivals DIR --out teb.safetensors --steps 7500

With ``--start`` training goes on from other weights; then take a lower ``--rate``.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from napari_focusstack.networks import weights
from napari_focusstack.networks.teb import TEB
from napari_focusstack.training.trust_task import (
    batch_of,
    draw_crop,
    load_example,
    mixed,
    trust_loss,
)

LEAST_SHARE, AVERAGE, WARM_UP = 0.02, 0.995, 50
CROP_PX = 112


def psnr(picture, truth):
    return min(60.0, float(-10 * torch.log10((picture - truth).square().mean() + 1e-9)))


@torch.no_grad()
def validate(network, examples):
    """Print means over held-back scenes of both rivals and ours, and the greatest loss by ours."""
    rows = []
    for example in examples:
        rivals, truth = example.rivals, example.truth
        pictures = rivals.selected, rivals.unmixed, mixed(rivals, network(rivals))
        rows.append([psnr(picture, truth) for picture in pictures])
    figures = np.array(rows)
    gain = figures[:, 2] - figures[:, 0]
    print(
        f"   held back: selected, unmixed, ours {figures.mean(0).round(2)}; "
        f"worst {gain.min():+.2f} dB, below -0.1 dB in {(gain < -0.1).sum()} of {len(gain)}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rivals", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--steps", type=int, default=7500)
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    training, held_back = (
        [load_example(path) for path in sorted((options.rivals / part).glob("*.npz"))]
        for part in ("train", "held")
    )
    if options.start is None:
        network = TEB(options.width)
    else:
        network, _ = weights.load("teb", torch.device("cpu"), options.start)
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE)
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate)
    chance, began = np.random.default_rng(options.seed), time.time()
    for step in range(options.steps):
        falling = (1 + math.cos(math.pi * step / options.steps)) / 2
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / WARM_UP)
            group["lr"] *= LEAST_SHARE + (1 - LEAST_SHARE) * falling
        numbers = chance.integers(len(training), size=options.batch)
        batch = batch_of([draw_crop(training[n], CROP_PX, chance) for n in numbers])
        optimiser.zero_grad(set_to_none=True)
        loss = trust_loss(network(batch.rivals), batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        averaged.update_parameters(network)
        if (step + 1) % 500 == 0:
            print(f"{step + 1} {time.time() - began:.0f} s, loss {loss.item():.3f}", flush=True)
            validate(averaged.module, held_back)
            print(weights.save(averaged.module, options.out))


if __name__ == "__main__":
    main()
