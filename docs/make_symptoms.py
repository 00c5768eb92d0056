"""Make the pictures of the page *Halo, seam, blotch*: ``python docs/make_symptoms.py``.

Each shows a detail of a bundled scene four times as large: a fault on the left, and on the right
what the page advises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from make_pictures import DETAIL, IMAGES, beside

import napari_focusstack as nfs
from napari_focusstack.io.writing.image import write_image

if TYPE_CHECKING:
    from collections.abc import Sequence

ENLARGED = 4
#: Rows and columns of the details, and the middle and half axes of a patch of a wrong plane, px.
SEAM, BLOTCH, DOUBLE = np.s_[195:291, 380:508], np.s_[288:384, 150:278], np.s_[120:216, 290:418]
PATCH_CENTRE, PATCH_AXES, PATCH_PLANE = (335, 215), (16, 26), 2
#: Change of brightness and shift, px, from plane to plane.
DRIFT, SHIFT_PX = 0.05, 2


def write(name: str, where: tuple[slice, slice], *images: np.ndarray) -> None:
    """Write details side by side, magnified without interpolation."""
    details = [image[where].repeat(ENLARGED, 0).repeat(ENLARGED, 1) for image in images]
    write_image(IMAGES / f"symptom_{name}.png", beside(*details))


def fused(planes: Sequence[np.ndarray], **options: object) -> nfs.FusionResult:
    """Fuse on the CPU, so that the pictures are the same everywhere."""
    return nfs.fuse(list(planes), device="cpu", **options)


def main() -> None:
    """Write the pictures."""
    near, far, _ = nfs.sample_pair(sigma_px=6.0)
    pair = fused([near, far])
    write("halo", DETAIL, pair.initial, pair.image)

    planes = nfs.colour_stack()
    middle = (len(planes) - 1) / 2
    lit = [plane * (1 + DRIFT * (number - middle)) for number, plane in enumerate(planes)]
    lit = [plane.clip(0, 255).astype(np.uint8) for plane in lit]
    write("seam", SEAM, fused(lit, equalize="off", blend="none").image, fused(lit).image)

    right = fused(planes)
    away = (np.indices(planes[0].shape[:2]) - np.reshape(PATCH_CENTRE, (2, 1, 1))).astype(float)
    patch = ((away / np.reshape(PATCH_AXES, (2, 1, 1))) ** 2).sum(0) < 1
    labels = np.where(patch, PATCH_PLANE, right.labels).astype(right.labels.dtype)
    write("blotch", BLOTCH, fused(planes, labels=labels).image, right.image)

    shifts = [round(SHIFT_PX * (number - middle)) for number in range(len(planes))]
    moved = [np.roll(plane, shift, 1) for plane, shift in zip(planes, shifts, strict=True)]
    write("double", DOUBLE, fused(moved, register="off").image, fused(moved).image)


if __name__ == "__main__":
    main()
