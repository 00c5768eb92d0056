"""Luminance of colours, of linear light and of display coding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

#: Weights of red, green and blue for values in display coding (ITU-R BT.601).
CODED_WEIGHTS = (0.299, 0.587, 0.114)
#: Weights of red, green and blue for linear light with the primaries of sRGB (ITU-R BT.709).
LINEAR_WEIGHTS = (0.2126, 0.7152, 0.0722)


def luminance(light: Tensor) -> Tensor:
    """Return the luminance of linear light.

    Parameters
    ----------
    light : Tensor
        Shape (..., 3, Y, X), linear light, 0..1.

    Returns
    -------
    Tensor
        Shape (..., 1, Y, X).
    """
    weights = torch.tensor(LINEAR_WEIGHTS, device=light.device)[:, None, None]
    return (light * weights).sum(-3, keepdim=True)
