"""Opaque surfaces of varying depth, as a thin lens shows them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.kernels import psf_radius
from napari_focusstack.runtime.region import align, bounding_box, pad

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.parameters import PsfShape


#: Slices that a surface is cut into per plane step; whole, so that each plane has one in focus.
SLICES = 2
#: Wide blurs are done at half the size, a quarter, an eighth: parts of an image begin at multiples
#: of this, px, and reach as far beyond the kernel, so that they are blurred as the whole is.
GRID_PX = 8


@dataclass(frozen=True)
class Surface:
    """An opaque surface of varying depth, whole even where others cover it.

    Parameters
    ----------
    layer : Tensor
        Linear light premultiplied by alpha, and alpha: (C + 1, Y, X).
    depth : Tensor
        Shape (Y, X), plane steps from the nearest plane.
    """

    layer: Tensor
    depth: Tensor

    def seen(self, plane: float, sigma_step_px: float, shape: PsfShape) -> Tensor:
        """Return the layer as a lens focused on a plane shows it.

        Each slice of the surface is blurred by its distance from the plane, as a thin lens does.

        Parameters
        ----------
        plane : float
            Where the lens is focused, plane steps.
        sigma_step_px : float
            Blur per plane step, px.
        shape : {"gaussian", "disk"}
            Shape of the PSF.

        Returns
        -------
        Tensor
            Linear light premultiplied by alpha, and alpha: (C + 1, Y, X).
        """
        first, last = (float(end) * SLICES for end in self.depth.aminmax())
        image = torch.zeros_like(self.layer)
        for number in range(math.floor(first), math.ceil(last) + 1):
            share = (1 - (self.depth * SLICES - number).abs()).clamp(min=0)
            sigma_px = sigma_step_px * abs(number / SLICES - plane)
            where = _around(share * self.layer[-1] > 0, psf_radius(sigma_px, shape) + GRID_PX)
            if where is not None:
                image[where] += blur((self.layer * share)[where], sigma_px, shape)
        # neighbouring slices of a tilted surface are blurred unequally: no pixel is covered twice
        return image / image[-1:].clamp(min=1)


def _around(there: Tensor, beyond_px: int) -> tuple[slice, ...] | None:
    """Return the part of an image (C, Y, X) near true pixels of (Y, X), if there are any."""
    where = bounding_box(there)
    if where is None:
        return None
    height, width = there.shape
    return slice(None), *align(pad(where, beyond_px, (height, width)), GRID_PX)
