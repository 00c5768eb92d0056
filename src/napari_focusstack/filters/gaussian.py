"""A Gaussian of images, cut at three standard deviations."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import torch

from napari_focusstack.filters.convolution import convolve_separably

if TYPE_CHECKING:
    from torch import Tensor


@cache
def _gaussian(sigma_px: float) -> Tensor:
    reach = math.ceil(3 * sigma_px)
    x = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.exp(-(x**2) / (2 * sigma_px**2))
    return weights / weights.sum()


def smooth(image: Tensor, sigma_px: float) -> Tensor:
    """Blur images (..., Y, X) by a Gaussian that is cut at 3 sigma; borders are replicated."""
    images = image.reshape(-1, *image.shape[-2:])
    profiles = _gaussian(sigma_px).to(image).expand(len(images), -1)
    return convolve_separably(images, profiles).reshape(image.shape)
