"""Which tensors OpenCV computes with, and how it reads them: on a CPU it is the faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
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


def look_up(table: np.ndarray, index: np.ndarray, out: np.ndarray) -> None:
    """Write the entries of a table to which an image of 8 or 16 bits points.

    Parameters
    ----------
    table : ndarray
        An entry for each value of the type of the image.
    index : ndarray
        Shape (Y, X), contiguous, uint8 or uint16.
    out : ndarray
        Shape (Y, X), of the type of the table.

    Examples
    --------
    >>> out = np.empty((1, 3))
    >>> look_up(np.linspace(0, 1, 256), np.uint8([[0, 51, 255]]), out)
    >>> out
    array([[0. , 0.2, 1. ]])
    """
    if index.dtype == np.uint8:
        import cv2

        cv2.LUT(index, table, dst=out)
    else:
        np.take(table, index, out=out, mode="clip")
