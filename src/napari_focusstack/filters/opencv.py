"""Which tensors OpenCV computes with, and how it reads them: on a CPU it is the faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

#: Types that OpenCV filters.
DTYPES = (torch.float32, torch.float64)
#: Floats that a processor computes with at a time, at most (AVX-512).
VECTOR = 16


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


def in_whole_vectors(images: Tensor, multiple: int = VECTOR) -> Tensor:
    """Return images (..., Y, X) whose last column is repeated until a number divides the width.

    OpenCV computes the columns beyond the last full vector in another order. Without this, parts of
    an image would differ from the whole in the last bit.

    Examples
    --------
    >>> in_whole_vectors(torch.rand(2, 5, 40)).shape
    torch.Size([2, 5, 48])
    """
    missing = -images.shape[-1] % multiple
    if not missing:
        return images
    return torch.cat([images, images[..., -1:].expand(*images.shape[:-1], missing)], -1)


def split_channels(image: np.ndarray) -> Sequence[np.ndarray]:
    """Return the channels of an image (Y, X, C) of 8 or 16 bits, each contiguous.

    Examples
    --------
    >>> [channel.tolist() for channel in split_channels(np.uint8([[[1, 2, 3], [4, 5, 6]]]))]
    [[[1, 4]], [[2, 5]], [[3, 6]]]
    """
    import cv2

    return cv2.split(image) if image.shape[2] > 1 else [np.ascontiguousarray(image[..., 0])]


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
