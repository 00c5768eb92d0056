"""Render thin-lens scenes to train and to evaluate with; goes on where it was stopped.

    python benchmarks/render_scenes.py --data DIR --out DIR --scenes 0 --held-back 16

``--data`` holds photos/, shapes/ and cutouts/; a tenth of them appears in OUT/held only. Scenes
to train with have 2 to 33 planes, held-back ones 33, of which every 2nd, 4th or 8th may be taken.
"""

import argparse
from pathlib import Path

import cv2
import torch

from napari_focusstack.simulation.material import SourceImages
from napari_focusstack.simulation.thin_lens.pool import render, save
from napari_focusstack.simulation.thin_lens.specimens import SceneParameters

HELD_BACK_SEED = 900_000
BACKLIT_FROM = 400


def parameters(number):
    """A tenth are pairs, a twelfth stacks of many planes; those from 400 on are backlit."""
    if number >= BACKLIT_FROM:
        return SceneParameters(fewest_planes=3, bare=0.5, backlit=1.0)
    if number % 10 == 5:
        return SceneParameters(fewest_planes=2, most_planes=2, greatest_range_px=14.0)
    if number % 12 == 11:
        return SceneParameters(fewest_planes=17, most_planes=33)
    return SceneParameters(fewest_planes=3)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=540)
    parser.add_argument("--held-back", type=int, default=16)
    parser.add_argument("--first", type=int, default=0, help="number of the first held-back scene")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    torch.set_num_threads(options.threads)
    training, held_back = SourceImages.load(options.data).split()
    of_33 = SceneParameters(fewest_planes=33, most_planes=33, least_range_px=4.0, uneven=0.0)
    jobs = [
        (options.out / "held" / f"{k:05d}.npz", held_back, HELD_BACK_SEED + k, of_33)
        for k in range(options.first, options.first + options.held_back)
    ] + [
        (options.out / "train" / f"{k:05d}.npz", training, k, parameters(k))
        for k in range(options.scenes)
    ]
    for path, material, seed, which in jobs:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            save(render(material, seed, which), path)
            print(path, flush=True)


if __name__ == "__main__":
    main()
