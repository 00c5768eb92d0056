"""Which pixels each plane of a stack shows.

A plane does not show a pixel that is NaN, infinite, masked or transparent, that lies in the black
border left by an alignment elsewhere, or that registration moved in from beyond the plane.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.imaging.number_types import full_scale
from napari_focusstack.planes.black_borders import black_borders
from napari_focusstack.runtime.region import Region, full

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rows that are compressed at once. The value does not matter.
BAND_PX = 128
#: Alpha, as a share of full coverage, from which on a pixel is shown. Convention: less is a mixture
#: with what lies beyond, and interpolation or rounding leave a little less.
OPAQUE = 0.99


class ShownMask:
    """Where a plane shows the scene, mostly everywhere; compressed, and read region by region.

    Parameters
    ----------
    mask : ndarray of bool
        Shape (Y, X).
    is_black_border : bool
        Whether what is not shown is a black border, which was found.

    Examples
    --------
    >>> mask = np.ones((300, 40), bool)
    >>> mask[:2] = False
    >>> shown = ShownMask(mask)
    >>> shown[0:3, 0:2].all(1).tolist(), shown[200:300, 0:40]
    ([False, False, True], None)
    """

    def __init__(self, mask: np.ndarray, *, is_black_border: bool = False) -> None:
        self.size = mask.shape
        self.is_black_border = is_black_border
        self._bands: dict[int, bytes] = {}
        for top in range(0, mask.shape[0], BAND_PX):
            band = mask[top : top + BAND_PX]
            if not band.all():
                self._bands[top] = zlib.compress(np.packbits(band).tobytes(), 1)

    def __getitem__(self, region: Region) -> np.ndarray | None:
        """Return the mask of rows and columns; None where all is shown."""
        (top, bottom, _), (left, right, _) = (
            part.indices(side) for part, side in zip(region, self.size, strict=True)
        )
        mask = None
        for start in range(top // BAND_PX * BAND_PX, bottom, BAND_PX):
            if start in self._bands:
                band = self._band(start)[:, left:right]
                first, last = max(start, top), min(start + BAND_PX, bottom)
                if mask is None:
                    mask = np.ones((bottom - top, right - left), bool)
                mask[first - top : last - top] = band[first - start : last - start]
        return None if mask is None or mask.all() else mask

    @property
    def whole(self) -> np.ndarray:
        """All rows and columns."""
        mask = self[full(self.size)]
        return np.ones(self.size, bool) if mask is None else mask

    def _band(self, top: int) -> np.ndarray:
        """Return some rows of the mask."""
        shape = min(BAND_PX, self.size[0] - top), self.size[1]
        bits = np.frombuffer(zlib.decompress(self._bands[top]), np.uint8)
        return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).view(bool)


@dataclass(frozen=True, eq=False)
class Shown:
    """Which pixels the planes of a stack show.

    Parameters
    ----------
    size : tuple of int
        Rows and columns of the planes.
    masks : tuple of ShownMask or None
        One for each plane, nearest first; None for a plane that shows every pixel.

    Examples
    --------
    >>> second = ShownMask(np.arange(600).reshape(20, 30) > 0)
    >>> shown = Shown((20, 30), (None, second))
    >>> shown.in_region((slice(0, 2), slice(0, 2)))[:, 0].tolist()
    [[True, True], [False, True]]
    """

    size: tuple[int, int]
    masks: tuple[ShownMask | None, ...]

    @classmethod
    def of(cls, planes: Sequence[Any], blank: Sequence[bool]) -> Shown:
        """Find what planes show.

        Parameters
        ----------
        planes : sequence of ndarray, MaskedArray or LazyPlane
            Planes of one size and type.
        blank : sequence of bool
            Which of them show nothing; no black border is sought in them.
        """
        masks: list[ShownMask | None] = []
        for plane in planes:
            mask = shown_by(plane[:, :])
            masks.append(None if mask is None else ShownMask(mask))
        clear = [at for at, mask in enumerate(masks) if mask is None and not blank[at]]
        for number, mask in black_borders([planes[at] for at in clear]):
            masks[clear[number - 1]] = ShownMask(mask, is_black_border=True)
        rows, columns = planes[0].shape[:2]
        return cls((rows, columns), tuple(masks))

    @property
    def is_everything(self) -> bool:
        """Whether every plane shows every pixel."""
        return all(mask is None for mask in self.masks)

    @property
    def incomplete(self) -> list[int]:
        """Numbers of the planes that do not show every pixel, from 1."""
        return [number for number, mask in enumerate(self.masks, 1) if mask is not None]

    def plane(self, number: int) -> np.ndarray:
        """Return what a plane shows, counted from 1, bool (Y, X)."""
        mask = self.masks[number - 1]
        return np.ones(self.size, bool) if mask is None else mask.whole

    def take(self, numbers: Sequence[int]) -> Shown:
        """Return what some of the planes show, counted from 1."""
        return Shown(self.size, tuple(self.masks[number - 1] for number in numbers))

    def put(self, numbers: Sequence[int], shown: Shown) -> Shown:
        """Return the same with what some of the planes show now."""
        masks = list(self.masks)
        for number, mask in zip(numbers, shown.masks, strict=True):
            masks[number - 1] = mask
        return Shown(self.size, tuple(masks))

    def in_region(self, region: Region) -> np.ndarray | None:
        """Return what planes show of a region, (P, Y, X); None where they show all of it.

        A pixel that no plane shows counts as shown by all, so that there always is a choice.
        """
        masks = [None if mask is None else mask[region] for mask in self.masks]
        given = next((mask for mask in masks if mask is not None), None)
        if given is None:
            return None
        shown = np.stack([np.ones_like(given) if mask is None else mask for mask in masks])
        return shown | ~shown.any(0)

    def by_label(self, labels: np.ndarray | int, region: Region) -> np.ndarray | None:
        """Return whether the plane that a label names shows the pixel; None if always.

        Parameters
        ----------
        labels : ndarray or int
            Shape (Y, X) of the region: numbers of planes, 1..P; or one plane.
        region : tuple of slice
            Rows and columns.
        """
        shown = None
        for number in self.incomplete:
            mask = self.masks[number - 1]
            part = None if mask is None else mask[region]
            if part is not None:
                part = part | (labels != number)
                shown = part if shown is None else shown & part
        return None if shown is None or shown.all() else shown

    def nearest(self, labels: np.ndarray, region: Region) -> np.ndarray:
        """Return for each pixel of a region the plane nearest to its label that shows it.

        Parameters
        ----------
        labels : ndarray
            Shape (Y, X) of the region: numbers of planes, 1..P.
        region : tuple of slice
            Rows and columns.
        """
        shown = self.in_region(region)
        if shown is None:
            return labels
        planes = np.arange(1, len(shown) + 1)[:, None, None]
        distance = np.abs(planes - labels.astype(int))
        return (np.where(shown, distance, 2 * len(shown)).argmin(0) + 1).astype(labels.dtype)

    @cached_property
    def by_all(self) -> np.ndarray:
        """Pixels that every plane shows, bool (Y, X)."""
        common = np.ones(self.size, bool)
        for number in self.incomplete:
            common &= self.plane(number)
        return common

    @cached_property
    def by_any(self) -> ShownMask | None:
        """Pixels that some plane shows; None if these are all."""
        if len(self.incomplete) < len(self.masks):
            return None
        some = np.zeros(self.size, bool)
        for number in self.incomplete:
            some |= self.plane(number)
        return None if some.all() else ShownMask(some)


def shown_by(plane: Any) -> np.ndarray | None:
    """Return which pixels a plane itself says that it shows, bool (Y, X); None if all.

    Parameters
    ----------
    plane : ndarray or MaskedArray
        Shape (Y, X) or (Y, X, 3). Masked, NaN and infinite pixels are not shown.

    Examples
    --------
    >>> shown_by(np.array([[0.5, np.nan], [np.inf, 1]])).tolist()
    [[True, False], [False, True]]
    """
    shown = None
    mask = np.ma.getmask(plane)
    if mask is not np.ma.nomask:
        shown = ~mask if plane.ndim == 2 else ~mask.any(-1)
    values = np.asarray(plane)
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            finite = finite if values.ndim == 2 else finite.all(-1)
            shown = finite if shown is None else shown & finite
    return None if shown is None or shown.all() else shown


def without_alpha(plane: np.ndarray) -> np.ndarray:
    """Return a plane without alpha, its fourth channel; pixels that are not opaque are masked.

    Parameters
    ----------
    plane : ndarray
        Shape (Y, X), (Y, X, 3), or (Y, X, 4). Full alpha is the greatest integer, or 1.

    Returns
    -------
    ndarray or MaskedArray
        Shape (Y, X) or (Y, X, 3); masked only where that is needed.

    Examples
    --------
    >>> plane = np.full((1, 2, 4), 255, np.uint8)
    >>> plane[0, 0, 3] = 0
    >>> without_alpha(plane).mask[..., 0].tolist()
    [[True, False]]
    """
    if plane.ndim != 3 or plane.shape[-1] != 4:
        return plane
    return masked_by_alpha(plane[..., :3], plane[..., 3])


def masked_by_alpha(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return colours (Y, X) or (Y, X, 3), masked where alpha (Y, X) is not full."""
    return masked(np.ascontiguousarray(colours), alpha >= OPAQUE * full_scale(alpha.dtype))


def masked(plane: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return a plane (Y, X) or (Y, X, 3), masked where it does not show the pixel, if anywhere."""
    if shown.all():
        return plane
    hidden = ~shown if plane.ndim == 2 else np.broadcast_to(~shown[..., None], plane.shape)
    return np.ma.MaskedArray(plane, hidden)


def nothing(dtype: np.dtype) -> float:
    """Return the value of a pixel that no plane shows: NaN, or 0 where the type has no NaN."""
    return float("nan") if dtype.kind == "f" else 0
