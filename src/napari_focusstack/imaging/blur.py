"""Blur by a point spread function, for every kind of sigma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from napari_focusstack.imaging.uniform_blur import uniform_blur
from napari_focusstack.imaging.varying_blur import gather, is_per_pixel, scatter

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.psf_shapes import PsfShape


def blur(
    image: Tensor,
    sigma_px: float | Tensor,
    shape: PsfShape = "gaussian",
    mode: Literal["scatter", "gather"] = "scatter",
) -> Tensor:
    """Convolve images with a point spread function. The border pixels are replicated outside.

    Parameters
    ----------
    image : Tensor
        Shape (..., Y, X), float.
    sigma_px : float or Tensor
        Standard deviation of the PSF along one axis, px. A tensor of shape (B,) holds one sigma for
        each image of a batch (B, C, Y, X). A tensor of shape (n, 1, Y, X) holds one sigma for each
        pixel of images (n, C, Y, X); it should have few distinct values.
    shape : {"gaussian", "disk"}
        Shape of the PSF.
    mode : {"scatter", "gather"}
        Meaning of a sigma for each pixel. ``scatter``: each source pixel spreads its light with its
        sigma; the last channel is alpha. ``gather``: each output pixel is the mean of its
        surroundings, weighted by the PSF of its sigma. Both agree where sigma is constant.

    Returns
    -------
    Tensor
        Shape and range of image.

    Examples
    --------
    >>> import torch
    >>> edge = (torch.arange(64) >= 32).float().expand(64, 64)
    >>> blurred = blur(edge, 3.0)
    >>> round(float(blurred[32, 31] + blurred[32, 32]), 4)
    1.0
    """
    if not is_per_pixel(sigma_px):
        return uniform_blur(image, sigma_px, shape)
    return (scatter if mode == "scatter" else gather)(image, sigma_px, shape)
