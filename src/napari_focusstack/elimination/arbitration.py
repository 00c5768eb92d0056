"""Elimination earns its place: unmixed light replaces source pixels as far as TEB trusts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.networks.teb import NO_EVIDENCE, TEB, UNKNOWN_RESIDUALS, Rivals
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.tiles import pad_to_multiple, tiles_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from napari_focusstack.elimination.blockwise import Solved
    from napari_focusstack.imaging.intensity import Intensity
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.runtime.region import Region

#: Side of the tiles that TEB looks at, px.
TILE_PX = 512
#: Weight below which a source pixel stays: half a grey level at full contrast.
LEAST_WEIGHT = 1 / 512


def context_of(where: Region, size: tuple[int, int]) -> Region:
    """Return the rows and columns that TEB must see for those of an image of a size."""
    return align(pad(where, TEB.reach, size), TEB.stride)


class TransitionRegion:
    """Unmixed light and evidence of a part of an image, gathered piece by piece.

    Parameters
    ----------
    where : tuple of slice
        Rows and columns of the part.
    channels : int
        Colour channels.
    """

    def __init__(self, where: Region, channels: int) -> None:
        rows, columns = where
        size = rows.stop - rows.start, columns.stop - columns.start
        self.where = where
        self.mask = torch.zeros(size, dtype=torch.bool)
        self.light = torch.zeros(channels, *size)
        self.evidence = torch.tensor(NO_EVIDENCE, dtype=torch.float16)[:, None, None].repeat(
            1, *size
        )

    def add(self, pieces: Iterable[Solved]) -> Iterator[Solved]:
        """Take up pieces with evidence; yields each."""
        for piece in pieces:
            here = to_local(piece.region, self.where)
            mask = piece.mask.cpu()
            self.mask[here] |= mask
            self.light[:, *here][:, mask] = piece.light.cpu()
            if len(piece.evidence):
                self.evidence[:, *here][:, mask] = piece.evidence.cpu().half()
            yield piece

    def trusted(
        self,
        picture: np.ndarray,
        intensity: Intensity,
        psf: Psf,
        noise: float,
        network: TEB,
    ) -> Tensor:
        """Weigh the unmixed light.

        Parameters
        ----------
        picture : ndarray
            Source pixels of the part, (Y, X) or (Y, X, 3).
        intensity : Intensity
            Its coding.
        psf : Psf
            With its residuals.
        noise : float
            See :func:`~napari_focusstack.networks.source_cues.noise_level`.
        network : TEB
            It runs on its device.

        Returns
        -------
        Tensor
            Shape (Y, X) of the part, 0..1, on the CPU; 0 where the source pixel stays.
        """
        device = next(network.parameters()).device
        weights = torch.zeros(self.mask.shape)
        size = self.mask.shape[0], self.mask.shape[1]
        for tile in tiles_of(size, TILE_PX):
            if not self.mask[tile].any():
                continue
            outer = context_of(tile, size)
            with torch.no_grad():
                weight = network(self.rivals(picture, intensity, psf, noise, outer, device))
            here = weight[0, 0][to_local(tile, outer)].cpu()
            weights[tile] = torch.where(here > LEAST_WEIGHT, here, 0.0)
        return weights

    def over(
        self, picture: np.ndarray, intensity: Intensity, weight: Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mix the unmixed light into source pixels.

        Parameters
        ----------
        picture : ndarray
            Source pixels of the part, (Y, X) or (Y, X, 3).
        intensity : Intensity
            Its coding.
        weight : Tensor
            Weight of the unmixed light, (Y, X), 0..1.

        Returns
        -------
        image : ndarray
            Shape and dtype of the picture.
        region : ndarray of bool
            Shape (Y, X): pixels that are no source pixels.
        """
        region = weight > 0
        light = torch.lerp(
            intensity.to_light(picture)[:, region], self.light[:, region], weight[region]
        )
        values = intensity.from_light(light)
        image, computed = picture.copy(), region.numpy()
        image[computed] = values[..., 0] if picture.ndim == 2 else values
        return image, computed

    def rivals(
        self,
        picture: np.ndarray,
        intensity: Intensity,
        psf: Psf,
        noise: float,
        where: Region,
        device: torch.device,
    ) -> Rivals:
        """Return both pictures of some rows and columns of the part, and the evidence."""
        mask = self.mask[where].to(device)
        selected = intensity.display(picture[where], device)
        unmixed = intensity.to_display(self.light[:, *where].to(device))
        unmixed = torch.where(mask, unmixed, selected)
        maps = selected, unmixed, self.evidence[:, *where].to(device).float(), mask[None].float()
        residuals = psf.residual, psf.residual_without_occlusion
        if not np.isfinite(residuals).all():
            residuals = UNKNOWN_RESIDUALS
        selected, unmixed, evidence, region = (
            pad_to_multiple(each[None], TEB.stride) for each in maps
        )
        return Rivals(
            selected,
            unmixed,
            evidence,
            region,
            selected.new_tensor([noise]),
            selected.new_tensor([residuals]),
        )
