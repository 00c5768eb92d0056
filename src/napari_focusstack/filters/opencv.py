"""Which tensors OpenCV computes with, and how it reads them: on a CPU it is the faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

#: Types that OpenCV filters.
DTYPES = (torch.float32, torch.float64)


def for_opencv(*tensors: Tensor) -> bool:
    """Return whether OpenCV can filter tensors: in memory, of floats, without gradients.

    Examples
    --------
    >>> for_opencv(torch.rand(3, 3)), for_opencv(torch.ones(3, 3, dtype=torch.int64))
    (True, False)
    """
    traced = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    return not traced and tensors[0].device.type == "cpu" and tensors[0].dtype in DTYPES


def images_of(batch: np.ndarray) -> np.ndarray:
    """Return the images of a batch (..., Y, X) one by one, (N, Y, X)."""
    return batch.reshape(-1, *batch.shape[-2:])
