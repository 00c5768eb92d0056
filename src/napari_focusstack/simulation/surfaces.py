"""Opaque surfaces of varying depth, as a thin lens images them."""

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

    from napari_focusstack.imaging.psf_shapes import PsfShape


#: Slices of a surface per plane step (convention); an integer, so that each plane has one in focus.
SLICES_PER_STEP = 2
#: Crops begin at multiples of this and reach as far beyond the kernel, px. Wide blurs are computed
#: at half, a quarter or an eighth of the size, and so a crop is blurred like the whole image.
GRID_PX = 8


@dataclass(frozen=True)
class Surface:
    """An opaque surface of varying depth, complete even where others cover it.

    Parameters
    ----------
    layer : Tensor
        Shape (C + 1, Y, X): premultiplied linear light, then alpha.
    depth : Tensor
        Shape (Y, X), plane steps behind the nearest plane.
    """

    layer: Tensor
    depth: Tensor

    def imaged(self, plane: float, sigma_step_px: float, shape: PsfShape) -> Tensor:
        """Return the layer as imaged by a lens that is focused on a plane.

        Each slice of the surface is blurred in proportion to its distance from the plane.

        Parameters
        ----------
        plane : float
            Plane in focus, plane steps behind the nearest plane.
        sigma_step_px : float
            Standard deviation of the PSF per plane step, px.
        shape : {"gaussian", "disk"}
            Shape of the PSF.

        Returns
        -------
        Tensor
            Shape (C + 1, Y, X): premultiplied linear light, then alpha.
        """
        first, last = (float(end) * SLICES_PER_STEP for end in self.depth.aminmax())
        image = torch.zeros_like(self.layer)
        for number in range(math.floor(first), math.ceil(last) + 1):
            share = (1 - (self.depth * SLICES_PER_STEP - number).abs()).clamp(min=0)
            sigma_px = sigma_step_px * abs(number / SLICES_PER_STEP - plane)
            crop = _crop_around(share * self.layer[-1] > 0, psf_radius(sigma_px, shape) + GRID_PX)
            if crop is not None:
                image[crop] += blur((self.layer * share)[crop], sigma_px, shape)
        # neighbouring slices are blurred differently and may overlap; alpha stays at most 1
        return image / image[-1:].clamp(min=1)


def _crop_around(mask: Tensor, margin_px: int) -> tuple[slice, ...] | None:
    """Return the crop of an image (C, Y, X) around the true pixels of a mask (Y, X), if any."""
    box = bounding_box(mask)
    if box is None:
        return None
    height, width = mask.shape
    return slice(None), *align(pad(box, margin_px, (height, width)), GRID_PX)
