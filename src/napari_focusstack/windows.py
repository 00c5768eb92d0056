"""Windows along the foreground's boundary: the little of a pair that tells its blurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.errors import InputError
from napari_focusstack.lens import origin

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.lens import Origin

#: Side, least distance and greatest number of windows.
WINDOW_PX = 128
CELL_PX = 64
WINDOWS = 6


@dataclass(frozen=True)
class Windows:
    """Pieces of the planes along the foreground's boundary, (n, C, Y, X) in linear light."""

    near: Tensor
    far: Tensor
    alpha: Tensor
    corners: tuple[tuple[int, int], ...]
    size: tuple[int, int]

    @property
    def origins(self) -> list[Origin]:
        """Row and column of each window's first pixel, from the image's centre, px."""
        return [origin(*corner, self.size) for corner in self.corners]

    def of(self, near: Tensor, far: Tensor, alpha: Tensor) -> Windows:
        """Return the same windows of other images of the same size, (C, Y, X) each."""
        return cut_out(near, far, alpha, self.corners, (self.near.shape[-2], self.near.shape[-1]))

    @classmethod
    def along_boundary(cls, near: Tensor, far: Tensor, alpha: Tensor) -> Windows:
        """Cut out the windows that tell most: those with the most contrast along the boundary.

        Parameters
        ----------
        near, far : Tensor
            Shape (C, Y, X), linear light.
        alpha : Tensor
            Shape (1, Y, X), 0..1.

        Raises
        ------
        InputError
            If the mask is empty or covers everything: there is no boundary to look at.
        """
        step = torch.zeros_like(alpha[0])
        step[1:] += (alpha[0, 1:] - alpha[0, :-1]).abs()
        step[:, 1:] += (alpha[0, :, 1:] - alpha[0, :, :-1]).abs()
        information = step * (near - far).abs().mean(0).add(1e-4)
        if not (step > 0).any():
            raise InputError(
                f"the foreground covers {100 * float(alpha.mean()):.0f}% of the image and has no "
                "boundary, so the PSF cannot be estimated; give sigma_px as a number or paint a "
                "mask."
            )
        height, width = alpha.shape[-2:]
        side = (min(WINDOW_PX, height), min(WINDOW_PX, width))
        cells = functional.avg_pool2d(information[None], CELL_PX, ceil_mode=True)[0]
        order = cells.flatten().argsort(descending=True)[: 4 * WINDOWS].tolist()
        corners: list[tuple[int, int]] = []
        for cell in order:
            row, column = divmod(cell, cells.shape[1])
            if cells[row, column] == 0 or len(corners) == WINDOWS:
                break
            corner = (_corner(row, side[0], height), _corner(column, side[1], width))
            apart = (max(abs(a - b) for a, b in zip(corner, c, strict=True)) for c in corners)
            if all(distance >= CELL_PX for distance in apart):
                corners.append(corner)
        return cut_out(near, far, alpha, tuple(corners), side)


def cut_out(
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    corners: tuple[tuple[int, int], ...],
    side: tuple[int, int],
) -> Windows:
    """Cut windows of a size (rows, columns) at corners (row, column) out of (C, Y, X) images."""
    size = (alpha.shape[-2], alpha.shape[-1])
    near, far, alpha = (
        torch.stack([image[:, y : y + side[0], x : x + side[1]] for y, x in corners])
        for image in (near, far, alpha)
    )
    return Windows(near, far, alpha, corners, size)


def _corner(cell: int, window_px: int, limit: int) -> int:
    """Return where a window around a cell begins, inside the image."""
    return max(0, min(cell * CELL_PX + (CELL_PX - window_px) // 2, limit - window_px))
