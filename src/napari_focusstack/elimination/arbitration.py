"""Elimination earns its place: unmixed light replaces source pixels as far as TEB trusts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.elimination.blockwise import Solved
from napari_focusstack.networks.teb import NO_EVIDENCE, TEB, UNKNOWN_RESIDUALS, Rivals
from napari_focusstack.runtime.region import align, intersection, pad, to_global, to_local
from napari_focusstack.runtime.tile_queue import TileQueue
from napari_focusstack.runtime.tiles import tile_edges, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor

    from napari_focusstack.imaging.intensity import Intensity
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap
    from napari_focusstack.source.selection import Selection

#: Side of the tiles that TEB looks at, px.
TILE_PX = 512
#: Weight below which a source pixel stays: half a grey level at full contrast.
LEAST_WEIGHT = 1 / 512


def context_of(where: Region, size: tuple[int, int]) -> Region:
    """Return the rows and columns that TEB must see for those of an image of a size."""
    return align(pad(where, TEB.reach, size), TEB.stride)


class TransitionRegion:
    """Unmixed light and evidence of a picture, gathered piece by piece.

    Parameters
    ----------
    selection : Selection
        Source pixels of the picture, and their expected errors.
    focus : FocusMap
        Its surfaces.
    intensity : Intensity
        Coding of the source pixels.
    """

    def __init__(self, selection: Selection, focus: FocusMap, intensity: Intensity) -> None:
        self.picture = selection.picture
        self.intensity = intensity
        self.log_error = torch.from_numpy(selection.log_error)
        self.confidence = focus.confidence
        self.mask = torch.zeros(focus.size, dtype=torch.bool)
        #: Maps of the whole picture would take several times the memory.
        self._pieces: list[Solved] = []

    def add(self, pieces: Iterable[Solved]) -> Iterator[Solved]:
        """Take up pieces with evidence; yields each."""
        for piece in pieces:
            mask = piece.mask.cpu()
            self.mask[piece.region] |= mask
            evidence = piece.evidence.cpu().half()
            self._pieces.append(Solved(piece.region, mask, piece.light.cpu(), evidence))
            yield piece

    def forget(self, where: Region) -> None:
        """Drop what is known of some rows and columns."""
        kept = []
        for piece in self._pieces:
            common = intersection(piece.region, where)
            if common is not None:
                mask = piece.mask.clone()
                mask[to_local(common, piece.region)] = False
                left = mask[piece.mask]
                piece = Solved(piece.region, mask, piece.light[:, left], piece.evidence[:, left])
            if piece.mask.any():
                kept.append(piece)
        self._pieces = kept
        self.mask[where] = False

    def light_of(self, where: Region) -> Tensor:
        """Return the unmixed light of some rows and columns, (C, Y, X); 0 elsewhere."""
        dark = torch.zeros(3 if self.picture.ndim == 3 else 1)
        return self._map_of(where, dark, lambda piece: piece.light)

    def evidence_of(self, where: Region) -> Tensor:
        """Return the evidence of some rows and columns, (6, Y, X), as half floats."""
        none = torch.tensor((*NO_EVIDENCE, 0.0), dtype=torch.float16)  # and no light
        return self._map_of(where, none, lambda piece: piece.evidence)

    def _map_of(
        self, where: Region, elsewhere: Tensor, values: Callable[[Solved], Tensor]
    ) -> Tensor:
        """Return values of pieces in some rows and columns, and those of all other pixels."""
        whole = elsewhere[:, None, None].repeat(1, *(part.stop - part.start for part in where))
        for piece in self._pieces:
            common = intersection(piece.region, where)
            if common is None or not len(values(piece)):
                continue
            rows, columns = to_local(common, piece.region)
            before, mask = int(piece.mask[: rows.start].sum()), piece.mask[rows]
            inside = torch.zeros_like(mask)
            inside[:, columns] = True
            known = values(piece)[:, before : before + int(mask.sum())][:, inside[mask]]
            whole[:, *to_local(common, where)][:, mask[:, columns]] = known
        return whole

    def trusted(self, psf: Psf, noise: float, network: TEB, within: Region) -> Tensor:
        """Weigh the unmixed light.

        Parameters
        ----------
        psf : Psf
            With its residuals.
        noise : float
            See :func:`~napari_focusstack.imaging.noise.noise_level`.
        network : TEB
            It runs on its device.
        within : tuple of slice
            Rows and columns.

        Returns
        -------
        Tensor
            Shape (Y, X) of these, 0..1, on the CPU; 0 where the source pixel stays.
        """
        device = next(network.parameters()).device
        size = self.mask.shape[0], self.mask.shape[1]
        rows, columns = (part.stop - part.start for part in within)
        weights = torch.zeros(rows, columns)
        here = (to_global(tile, within) for tile in tiles_of((rows, columns), TILE_PX))
        tiles = TileQueue(here, TILE_PX, TILE_PX)
        for tile in tiles:
            if not self.mask[tile].any():
                continue
            with tiles.attempt(tile), torch.no_grad():
                outer = context_of(tile, size)
                weight = network(self.rivals(psf, noise, outer, device))
                inner = weight[0, 0][to_local(tile, outer)].cpu()
                weights[to_local(tile, within)] = torch.where(inner > LEAST_WEIGHT, inner, 0.0)
        return weights

    def rivals(self, psf: Psf, noise: float, where: Region, device: torch.device) -> Rivals:
        """Return both pictures of some rows and columns, and the evidence."""
        mask = self.mask[where].to(device)
        selected = self.intensity.display(self.picture[where], device)
        unmixed = self.intensity.to_display(self.light_of(where).to(device))
        residuals = psf.residual, psf.residual_without_occlusion
        if not np.isfinite(residuals).all():
            residuals = UNKNOWN_RESIDUALS
        *evidence, far = self.evidence_of(where).to(device).float()
        far = self.intensity.to_display(far[None])[:1]
        return Rivals(
            selected[None],
            torch.where(mask, unmixed, selected)[None],
            torch.where(mask, far, selected.mean(0, keepdim=True))[None],
            torch.stack(evidence)[None],
            self.confidence[None, :, *where].to(device),
            self.log_error[None, None, *where].to(device).float(),
            mask[None, None].float(),
            selected.new_tensor([noise]),
            selected.new_tensor([residuals]),
        )

    def over(self, weight: Tensor, within: Region) -> tuple[np.ndarray, np.ndarray]:
        """Mix the unmixed light into the source pixels.

        Parameters
        ----------
        weight : Tensor
            Weight of the unmixed light, (Y, X) of some rows and columns, 0..1.
        within : tuple of slice
            These.

        Returns
        -------
        image : ndarray
            Those rows and columns of the picture, of its dtype.
        region : ndarray of bool
            Shape (Y, X): pixels that are no source pixels.
        """
        image, computed = self.picture[within].copy(), (weight > 0).numpy()
        rows, columns = computed.shape
        for first, last in tile_edges(rows, TILE_PX):  # strip by strip, for memory
            strip = slice(first, last), slice(0, columns)
            here = computed[strip]
            region, where = torch.from_numpy(here), to_global(strip, within)
            selected = self.intensity.to_light(self.picture[where])[:, region]
            light = torch.lerp(selected, self.light_of(where)[:, region], weight[strip][region])
            values = self.intensity.from_light(light)
            image[strip][here] = values[..., 0] if image.ndim == 2 else values
        return image, computed
