"""Gain by each part of the training of FSB: losses, width, down factors, at equal steps.

    python benchmarks/ablation.py --data DIR [--steps 300] [--only loss]

Each variant is trained from scratch on the same scenes for a few steps and scored on held-back
images. The last column is the time of one core per megapixel. All of it takes about an hour on a
processor with bfloat16.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from napari_focusstack.networks.device import autocast
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.simulation.material import SourceImages
from napari_focusstack.training import losses
from napari_focusstack.training.trainer import Training, TrainParameters

DOWN = (2, 4, 8, 16, 32, 16, 8, 4)


@dataclass(frozen=True)
class Recipe:
    """A variant: a network and the weights of its loss."""

    name: str
    width: int = 16
    down: tuple[int, ...] = DOWN
    weights: dict[str, float] = field(default_factory=dict)

    def train(self, material: SourceImages, steps: int) -> tuple[dict[str, float], torch.nn.Module]:
        """Return validation figures and the network."""
        shipped = {name: getattr(losses, name) for name in self.weights}
        torch.manual_seed(0)
        network = FSB(self.width, self.down)
        parameters = TrainParameters(
            width=self.width, steps=steps, batch=4, average=0.98, validate_every=steps
        )
        try:
            for name, value in self.weights.items():
                setattr(losses, name, value)
            with tempfile.TemporaryDirectory() as folder:
                training = Training(parameters, material, Path(folder) / "checkpoint", network)
                scores = [progress.scores for progress in training][-1]
        finally:
            for name, value in shipped.items():
                setattr(losses, name, value)
        return scores, training.averaged.module


RECIPES = {
    "loss": (
        Recipe("Eq. 11 alone", weights={"LAMBDA_3": 0.0, "BOUNDARY_WEIGHT": 0.0}),
        Recipe("and cross entropy", weights={"BOUNDARY_WEIGHT": 0.0}),
        Recipe("and boundary weight"),
    ),
    "network": (
        Recipe("width 8", width=8),
        Recipe("width 16"),
        Recipe("width 24", width=24),
        Recipe("width 32", width=32),
        Recipe("down 2, 4 only", down=(2, 4) * 4),
        Recipe("down to 16", down=(2, 4, 8, 16, 16, 8, 4, 2)),
    ),
}


@torch.no_grad()
def seconds_per_megapixel(network: torch.nn.Module) -> float:
    """Return the time of the second of two runs on a pair of 512 x 512 px, s per megapixel."""
    planes = torch.rand(1, 6, 512, 512).contiguous(memory_format=torch.channels_last)
    with autocast(planes.device):
        network(planes)
        began = time.perf_counter()
        network(planes)
    return (time.perf_counter() - began) * 1e6 / 512**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with photos/, shapes/, ..."
    )
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", choices=RECIPES, help="train one group of variants only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    material = SourceImages.load(options.data)
    print(f"{options.steps} steps each; seconds per megapixel on one core", flush=True)
    print(f"{'recipe':>20}{'mean_iou':>10}{'alpha_error':>13}{'edge_error':>12}{'s/Mpx':>8}")
    for group in [options.only] if options.only else RECIPES:
        for recipe in RECIPES[group]:
            scores, network = recipe.train(material, options.steps)
            figures = "".join(
                f"{scores[name]:>{width}.3f}"
                for name, width in (("mean_iou", 10), ("alpha_error", 13), ("edge_error", 12))
            )
            print(f"{recipe.name:>20}{figures}{seconds_per_megapixel(network):>8.2f}", flush=True)


if __name__ == "__main__":
    main()
