"""Selection between images pixel by pixel; on a CPU in a tenth of the time that indexing takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def blend(where: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Return one tensor where a mask is true, another elsewhere: a faster ``torch.where``.

    Parameters
    ----------
    where : Tensor
        Bool.
    yes, no : Tensor
        Float, finite everywhere. The shapes of all three are broadcast.

    Returns
    -------
    Tensor
        Broadcast shape, type of no.

    Examples
    --------
    >>> blend(torch.tensor([True, False]), torch.tensor([0.1, 0.2]), torch.tensor([0.3, 0.4]))
    tensor([0.1000, 0.4000])
    """
    return torch.lerp(no, yes, where.to(no))


def select_planes(labels: np.ndarray, plane: Callable[[int], np.ndarray]) -> np.ndarray:
    """Assemble an image: each pixel is taken from the plane that its label names.

    Parameters
    ----------
    labels : ndarray
        Shape (Y, X), integer values.
    plane : callable
        ``plane(number)`` returns the plane (Y, X, ...) of a label.

    Returns
    -------
    ndarray
        Shape (Y, X, ...), dtype of the planes.

    Examples
    --------
    >>> planes = [np.full((1, 3), 10 * number, np.uint8) for number in range(3)]
    >>> select_planes(np.array([[2, 0, 1]]), lambda number: planes[number])
    array([[20,  0, 10]], dtype=uint8)
    """
    import cv2

    numbers = unique_values(labels)
    image = plane(int(numbers[0])).copy()
    for number in numbers[1:]:
        selected = np.ascontiguousarray(labels == number).view(np.uint8)
        cv2.copyTo(_bits(plane(int(number))), selected, _bits(image))
    return image


def _bits(image: np.ndarray) -> np.ndarray:
    """Return an image of any type as one of a type of this size that OpenCV copies."""
    return image.view({1: "u1", 2: "u2", 4: "f4", 8: "f8"}[image.dtype.itemsize])


def unique_values(values: Tensor | np.ndarray) -> list[float]:
    """Return the distinct values of an array, sorted; fast where they are few.

    Examples
    --------
    >>> unique_values(torch.tensor([[2.0, 0.5], [2.0, 2.0]]))
    [0.5, 2.0]
    """
    rest = (values.cpu().numpy() if isinstance(values, torch.Tensor) else values).ravel()
    distinct = []
    while len(rest):
        distinct.append(float(rest[0]))
        rest = rest[rest != rest[0]]
    return sorted(distinct)
