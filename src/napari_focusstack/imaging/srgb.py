"""sRGB coding of light (IEC 61966-2-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def srgb_to_linear(coded: Tensor) -> Tensor:
    """Decode sRGB values to linear light (IEC 61966-2-1).

    Parameters
    ----------
    coded : Tensor
        Any shape, 0..1.

    Returns
    -------
    Tensor
        Same shape, 0..1, proportional to the light on the sensor.

    Examples
    --------
    >>> round(float(srgb_to_linear(torch.tensor(0.5))), 4)
    0.214
    """
    return torch.where(
        coded <= 0.04045, coded / 12.92, ((coded.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    )


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Encode linear light as sRGB, the inverse of :func:`srgb_to_linear`.

    Parameters
    ----------
    linear : Tensor
        Any shape, 0..1.

    Returns
    -------
    Tensor
        Same shape, 0..1.

    Examples
    --------
    >>> round(float(linear_to_srgb(torch.tensor(0.214))), 3)
    0.5
    """
    return torch.where(
        linear <= 0.0031308,
        linear * 12.92,
        1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055,
    )
