"""Drifts of exposure, white balance and vignetting between planes: found, and equalised.

Defocus moves light about but keeps its amount, so where a plane is even, its neighbour shows it
equally bright. If nearly all of the image is brighter or darker there, the light has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import torch

from napari_focusstack.imaging.number_types import as_floats, to_type
from napari_focusstack.planes.scratch import KeptPlanes
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.imaging.intensity import Intensity
    from napari_focusstack.planes.shown import Shown, ShownMask

#: Least side of the cells whose means are compared, px, and cells along the shorter side.
MIN_CELL_PX, CELLS = 8, 24
#: Pixels of a cell that are read, along each side (speed).
SAMPLES = 16
#: Cells count whose light lies within these shares of the brightest pixel: not dark, not clipped.
DARK, CLIPPED = 0.02, 0.99
#: Share of a cell that must be shown for it to count: all of it, but for rounding.
ALL_SHOWN = 0.999
#: Fewer cells of a channel say nothing, nor fewer than are clipped. Convention.
MIN_COUNTED = 64
#: Unevenness of a cell, as a share of its light, at which its weight is a quarter.
UNEVEN = 0.01
#: Share of cells that change in the same direction, in most channels, from which on the light has
#: changed. Measured: at least 0.93 where light drifts by 2% or more; at most 0.86 in 8 thin-lens
#: and 24 simulated scenes in which it does not, however large their blur.
SAME_DIRECTION = 0.9
#: Least change of a light that has changed, in median deviations of the cells from it. Measured: at
#: least 2 where it drifts, at most 1.6 in those scenes.
MIN_SPREADS = 1.8
#: Widths of the first and the last band in which the peak of the change is sought, in median
#: deviations, and number of bands. Measured: errors of 0.4% per plane, 0.6% without, where blur
#: spreads light into a fifth of the image.
PEAK_SPREADS, PEAK_ROUNDS = (6.0, 0.75), 20
#: Most median deviation at which there is a peak. Measured: 0.007 at most in those scenes; a pair
#: of photographs of 0.03 to 0.06 has several, and the median serves its blur better.
NARROW = 0.01
#: A gradient of the change over the image is believed if it leaves less than this share of the
#: deviations from one gain. Measured: at most 0.45 of a drift of vignetting; at least 0.5 without.
GRADIENT_SHARE = 0.47
#: Nor is it believed if the median deviation from it is more than this share of its range, as where
#: one part of the image changes and another does not. Convention.
GRADIENT_NOISE = 0.1
#: Smallest change from plane to plane that counts: half of a step that the eye sees. Twice as much
#: in all is equalised.
LEAST_CHANGE = 0.005
#: Pixels from which on each of the few values that they have is converted once (speed).
TABLE_PIXELS, TABLE_TYPES = 2**18, ("uint8", "uint16")
#: Planes this far apart are compared too, beside neighbours: slow drifts show there.
STRIDES = (4, 16, 64)


@dataclass(frozen=True, eq=False)
class Light:
    """How bright each plane is, relative to the middle one.

    Parameters
    ----------
    coefficients : ndarray
        Shape (P, C, 6), nearest plane first: natural log of the light's gain at the row y and the
        column x, -1..1 from the image's centre to its border, of the terms 1, y, x, y y, y x, x x.
    """

    coefficients: np.ndarray

    @classmethod
    def of(
        cls, planes: Sequence[Any], intensity: Intensity, shown: Shown | None = None
    ) -> Light | None:
        """Measure the light of planes; None where it does not change.

        Parameters
        ----------
        planes : sequence of ndarray or LazyPlane
            Registered planes, nearest first.
        intensity : Intensity
            Their coding.
        shown : Shown, optional
            Which pixels the planes show, if some are filled.
        """
        masks = [None] * len(planes) if shown is None else shown.masks
        cells, brightest = zip(
            *map_in_threads(
                lambda number: _cells(planes[number], intensity, masks[number]), range(len(planes))
            ),
            strict=True,
        )
        top = max(brightest)
        steps = [_Change.between(a, b, top) for a, b in pairwise(cells)]
        far = (
            _Change.between(cells[at], cells[at + stride], top)
            for stride in STRIDES
            for at in range(0, len(cells) - stride, stride)
        )
        if not any(change.is_clear for change in (*steps, *far)):
            return None
        logs = np.cumsum([np.zeros_like(steps[0].terms), *(step.terms for step in steps)], 0)
        light = cls(logs - logs[len(planes) // 2])
        return light if light.largest_change > 2 * LEAST_CHANGE else None

    @property
    def largest_change(self) -> float:
        """Largest gain, over or below 1, of any plane anywhere in the image, as a share."""
        logs = self.coefficients @ _basis(CELLS, CELLS).reshape(-1, 6).T
        return float(np.expm1(np.abs(logs).max()))

    @property
    def gains(self) -> np.ndarray:
        """Gain of each plane and channel at the image's centre, (P, C)."""
        return np.exp(self.coefficients[..., 0])

    @property
    def reason(self) -> str:
        """What was equalised, in words."""
        return f"light equalised, it changed by up to {100 * self.largest_change:.1f}%"

    def equalize(self, planes: Sequence[Any], intensity: Intensity) -> list[Any]:
        """Return the planes in the light of the middle one.

        Parameters
        ----------
        planes : sequence of ndarray or LazyPlane
            The planes that were measured.
        intensity : Intensity
            Their coding: sRGB values are light only when decoded.
        """
        kept = KeptPlanes(planes)

        def equalized(number: int) -> np.ndarray:
            pixels = np.asarray(planes[number][:, :])
            gain = self._gain(number, pixels.shape[:2])
            return pixels if (gain == 1).all() else _divided(pixels, gain, intensity)

        for plane in map_in_threads(equalized, range(len(planes))):
            kept.add(plane)
        return kept.planes

    def _gain(self, number: int, size: tuple[int, ...]) -> np.ndarray:
        """Return the gain of a plane, counted from 0, (Y, X, C) or (1, 1, C), float32."""
        terms = self.coefficients[number]
        if not terms[:, 1:].any():
            return np.exp(terms[None, None, :, 0]).astype(np.float32)
        logs = _basis(*size) @ terms.T
        return np.exp(logs).astype(np.float32)


def _divided(pixels: np.ndarray, gain: np.ndarray, intensity: Intensity) -> np.ndarray:
    """Return pixels of less light by a gain, in their type."""
    deep = np.atleast_3d(pixels)
    if gain.shape[:2] == (1, 1) and pixels.size > TABLE_PIXELS and pixels.dtype.name in TABLE_TYPES:
        every = np.arange(np.iinfo(pixels.dtype).max + 1, dtype=pixels.dtype)
        table = _divided(every[:, None, None].repeat(deep.shape[2], 2), gain, intensity)
        channels = [table[:, 0, at][deep[..., at]] for at in range(deep.shape[2])]
        return np.stack(channels, -1).reshape(pixels.shape)
    if intensity.coding == "srgb":
        per_channel = torch.from_numpy(gain).movedim(-1, 0)
        values = intensity.from_light(intensity.to_light(deep) / per_channel)
    else:
        values = as_floats(deep) / gain
    return to_type(values, pixels.dtype).reshape(pixels.shape)


@dataclass(frozen=True, eq=False)
class _Change:
    """The change of light from one plane to another: log gain (C, 6), and whether it is clear."""

    terms: np.ndarray
    is_clear: bool

    @classmethod
    def between(cls, first: np.ndarray, second: np.ndarray, top: float) -> _Change:
        """Compare the cells (Y, X, C) of two planes."""
        basis = _basis(*first.shape[:2])
        pairs = zip(np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0), strict=True)
        fits = [_Fit.of(*pair, basis, top) for pair in pairs]
        if np.mean([fit.left for fit in fits]) < GRADIENT_SHARE:
            return cls(np.stack([fit.gradient for fit in fits]), is_clear=True)
        clear = [fit.same_direction > SAME_DIRECTION for fit in fits]
        return cls(np.stack([fit.even for fit in fits]), sum(clear) > len(clear) / 2)


class _Fit(NamedTuple):
    """The log gain of a channel, (6,): one for all cells, and one that differs over the image."""

    even: np.ndarray
    gradient: np.ndarray
    #: Share of the cells that change in the direction of their median.
    same_direction: float
    #: Share of the deviations from the median that the gradient leaves.
    left: float

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray, basis: np.ndarray, top: float) -> _Fit:
        """Compare the cells (Y, X) of a channel of two planes."""
        least, most = np.minimum(first, second), np.maximum(first, second)
        counted = (least > DARK * top) & (most < CLIPPED * top)
        even = np.zeros(basis.shape[-1])
        clipped = most >= CLIPPED * top
        if counted.sum() < max(MIN_COUNTED, clipped.sum()):
            return cls(even, even, 0.0, 1.0)
        uneven = np.maximum(_unevenness(first), _unevenness(second))[counted]
        weight = 1 / (UNEVEN + uneven / most[counted]).astype(np.float64) ** 2
        logs = np.log(second[counted] / first[counted]).astype(np.float64)
        middle = _median(logs, weight)
        even[0] = _peak(logs, weight, middle)
        gradient = _least_deviations(basis[counted], logs, weight)
        fitted = basis[counted] @ gradient
        off, off_even = np.abs(logs - fitted), np.abs(logs - middle)
        same, left = 0.0, 1.0
        if abs(middle) > max(LEAST_CHANGE, MIN_SPREADS * _median(off_even, weight)):
            same = float(weight[logs * middle > 0].sum() / weight.sum())
        if np.ptp(fitted) > max(2 * LEAST_CHANGE, _median(off, weight) / GRADIENT_NOISE):
            left = float((weight * off).sum() / (weight * off_even).sum())
        return cls(even, gradient, same, left)


def _unevenness(cells: np.ndarray) -> np.ndarray:
    """Return how far cells differ from those around."""
    return np.abs(cv2.GaussianBlur(cells, (0, 0), 1) - cells)


def _median(values: np.ndarray, weight: np.ndarray) -> float:
    """Return the weighted median."""
    order = np.argsort(values)
    summed = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])


def _peak(values: np.ndarray, weight: np.ndarray, middle: float) -> float:
    """Return the value around which most lie, by Tukey's biweight in narrowing bands from a middle.

    Cells beside an edge, into which light spreads in one of the planes, all deviate to one side.
    It is the middle where cells deviate so much that no value stands out.
    """
    peak = middle
    spread = _median(np.abs(values - middle), weight)
    if spread > NARROW:
        return middle
    for width in np.linspace(*PEAK_SPREADS, PEAK_ROUNDS) * spread:
        near = np.maximum(1 - ((values - peak) / max(width, 1e-6)) ** 2, 0) ** 2 * weight
        peak = float((near * values).sum() / near.sum()) if near.any() else peak
    return peak


def _least_deviations(basis: np.ndarray, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the terms of least absolute deviations, by least squares weighted anew 20 times."""
    terms = np.zeros(basis.shape[-1])
    for _ in range(20):
        root = np.sqrt(weight / np.maximum(np.abs(values - basis @ terms), 1e-4))
        terms = np.linalg.lstsq(root[:, None] * basis, root * values, rcond=None)[0]
    return terms


def _basis(rows: int, columns: int) -> np.ndarray:
    """Return the terms of the gain's log at the centres of rows and columns, (Y, X, 6)."""
    y, x = np.meshgrid(
        *(np.linspace(-1, 1, 2 * side + 1)[1::2] for side in (rows, columns)), indexing="ij"
    )
    return np.stack([np.ones_like(y), y, x, y * y, y * x, x * x], -1)


def _cells(plane: Any, intensity: Intensity, shown: ShownMask | None) -> tuple[np.ndarray, float]:
    """Return the mean light of the cells of a plane, (Y, X, C) floats, and its brightest pixel.

    Cells that it does not show entirely are dark, so that they do not count.
    """
    pixels = np.asarray(plane[:, :])
    side = max(MIN_CELL_PX, min(pixels.shape[:2]) // CELLS)
    step = max(1, side // SAMPLES)
    rows, columns = (length // (side // step * step) for length in pixels.shape[:2])
    kept = tuple(slice(0, count * (side // step * step), step) for count in (rows, columns))
    light = _light(pixels[kept], intensity)
    means = np.atleast_3d(cv2.resize(light, (columns, rows), interpolation=cv2.INTER_AREA))
    if shown is not None:
        share = shown.whole[kept].astype(np.float32)
        means[cv2.resize(share, (columns, rows), interpolation=cv2.INTER_AREA) < ALL_SHOWN] = 0
    brightest = np.full((1, 1), pixels.max(), pixels.dtype)
    return means, float(_light(brightest, intensity)[0, 0, 0])


def _light(pixels: np.ndarray, intensity: Intensity) -> np.ndarray:
    """Return the light of pixels, (Y, X, C), floats; of linear planes their values."""
    if intensity.coding == "srgb":
        return intensity.to_light(pixels).permute(1, 2, 0).numpy()
    return as_floats(np.atleast_3d(pixels))
