"""The natural logarithm; on a CPU in a quarter of the time that torch takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.filters.opencv import for_opencv

if TYPE_CHECKING:
    from torch import Tensor


def log(values: Tensor) -> Tensor:
    """Return the natural logarithm of positive values of any shape.

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
