"""Checks of the images that metrics compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import taken_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]
    Grey = NDArray[np.float64]


def check_images(**images: Image) -> None:
    """Raise InputError unless all images have the same shape and the same supported dtype."""
    (first, reference), *others = images.items()
    for name, image in images.items():
        taken_type(image.dtype, name)
        if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
            raise InputError(f"{name} has shape {image.shape}; give (Y, X) or (Y, X, 3).")
        if not np.isfinite(image).all():
            raise InputError(f"{name} holds NaN or infinite values; replace them first.")
    for name, image in others:
        if image.shape != reference.shape or image.dtype != reference.dtype:
            raise InputError(
                f"{name} is {image.dtype} {image.shape} but {first} is {reference.dtype} "
                f"{reference.shape}; give images of one shape and dtype."
            )


def check_size(image: Image, window_px: int) -> None:
    """Raise InputError if an image is smaller than a window of this side, px."""
    if min(image.shape[:2]) < window_px:
        raise InputError(
            f"The images are {image.shape[0]} x {image.shape[1]} px; give at least "
            f"{window_px} px in either direction."
        )
