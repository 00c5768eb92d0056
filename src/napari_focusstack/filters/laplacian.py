"""Laplacian of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as functional

if TYPE_CHECKING:
    from torch import Tensor


def laplacian(image: Tensor) -> Tensor:
    """Return the 4-neighbour Laplacian of a batch (B, C, Y, X); borders are replicated."""
    padded = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    rows, columns = padded[..., 1:-1], padded[..., 1:-1, :]
    neighbours = rows[..., :-2, :] + rows[..., 2:, :] + columns[..., :-2] + columns[..., 2:]
    return neighbours - 4 * image
