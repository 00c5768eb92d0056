"""Crops of fused real stacks at 3x, ours beside OpenFocus and FocusWeave, where they differ most.

    python benchmarks/crops.py --dev ../shared/data/dev --environments ENVS --out docs/images

Six crops of each stack: three where the pictures differ most, and three where they differ most for
the little detail there, as in blank background. Nothing is registered.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from independent import lay_out, real_stacks
from peers import all_fused
from skimage.io import imread, imsave

import napari_focusstack as nfs

CROP_PX, ENLARGED, GAP_PX = 64, 3, 4
#: Programs in the order of the columns, after ours.
PEERS = ("openfocus", "focusweave")
#: Detail, grey levels of 8 bits, below which a region counts as blank.
BLANK = 2.0


def eight_bit(picture):
    """Return a picture as 8-bit RGB; 16 bits are stretched to their range."""
    if picture.dtype != np.uint8:
        low, high = np.quantile(picture, [0.001, 0.999])
        picture = (255 * (picture.astype(float) - low) / (high - low)).clip(0, 255).astype(np.uint8)
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, -1)


def places(pictures):
    """Return the first row and column of six crops that do not overlap."""
    grey = np.stack([picture.mean(-1) for picture in pictures]).astype(np.float32)
    box = (CROP_PX, CROP_PX)
    differ = cv2.blur(grey.std(0), box)
    detail = cv2.blur(np.abs(cv2.Laplacian(grey[0], cv2.CV_32F)), box)
    free = np.zeros(differ.shape, bool)
    half = CROP_PX // 2
    free[half:-half, half:-half] = True
    chosen = []
    for measure in (differ, differ / (BLANK + detail) ** 2):
        for _ in range(3):
            row, column = np.unravel_index(np.where(free, measure, -1).argmax(), free.shape)
            taken = (slice(max(0, at - CROP_PX), at + CROP_PX) for at in (row, column))
            free[*taken] = False
            chosen.append((row - half, column - half))
    return chosen


def sheet(pictures):
    """Return the crops, a row of three programs each, two rows beside each other."""
    rows = []
    for row, column in places(pictures):
        crops = [
            np.kron(
                picture[row : row + CROP_PX, column : column + CROP_PX],
                np.ones((ENLARGED, ENLARGED, 1), np.uint8),
            )
            for picture in pictures
        ]
        margin = ((0, GAP_PX), (0, 3 * GAP_PX), (0, 0))
        rows.append(np.pad(np.hstack(crops), margin, constant_values=255))
    return np.hstack([np.vstack(rows[:3]), np.vstack(rows[3:])])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    scenes = list(real_stacks(options.dev))
    with tempfile.TemporaryDirectory() as temporary:
        stacks, outputs = Path(temporary) / "stacks", Path(temporary) / "outputs"
        lay_out(scenes, stacks)
        for _ in all_fused(options.environments, stacks, outputs):
            pass
        for number, scene in enumerate(scenes):
            pictures = [nfs.fuse(scene.planes, register="off").image]
            pictures += [imread(outputs / name / f"{number:04}.png") for name in PEERS]
            crops = sheet([eight_bit(picture) for picture in pictures])
            imsave(options.out / f"crops_{scene.table}.png", crops)


if __name__ == "__main__":
    main()
