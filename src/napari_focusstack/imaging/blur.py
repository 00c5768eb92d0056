"""Convolution with a point spread function, in space: one blur for all kinds of sigma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from napari_focusstack.imaging.uniform_blur import uniform_blur
from napari_focusstack.imaging.varying_blur import gather, is_per_pixel, scatter

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.parameters import PsfShape


def blur(
    image: Tensor,
    sigma_px: float | Tensor,
    shape: PsfShape = "gaussian",
    mode: Literal["scatter", "gather"] = "scatter",
) -> Tensor:
    """Convolve with the point spread function, in space; the border pixels continue outside.

    Parameters
    ----------
    image : Tensor
        Shape (..., Y, X), float.
    sigma_px : float or Tensor
        Standard deviation of the PSF along one axis, px. A tensor of shape (B,) blurs each image of
        a batch (B, C, Y, X) by its own sigma; one of shape (n, 1, Y, X) blurs each pixel of images
        (n, C, Y, X) by its own, of a few values.
    shape : {"gaussian", "disk"}
        Shape of the PSF.
    mode : {"scatter", "gather"}
        Of a sigma for each pixel: whether each pixel spreads its light by its own sigma, and the
        last channel is its alpha; or each pixel collects light from around by its own sigma. Both
        are the same where sigma is the same everywhere.

    Returns
    -------
    Tensor
        Same shape.

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
