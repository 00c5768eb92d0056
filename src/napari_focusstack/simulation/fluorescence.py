"""Widefield fluorescence: the light of all depths adds up, and nothing hides what is behind it.

Plane k is ``sum_j (o_j * K(|k - j|)) + offset``, where o_j is the light that depth j emits, and K a
PSF whose sigma grows with the distance from the plane in focus. The all-in-focus picture is the
same with each depth in focus: ``sum_j (o_j * K(0)) + offset``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from napari_focusstack.simulation.chance import log_uniform

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Depths between two planes in which light is emitted.
DEPTHS_PER_PLANE = 2
#: Range of sigma of the PSF in focus, px, and of its growth per plane, px.
FOCUS_SIGMA_PX, SIGMA_PER_PLANE_PX = (0.6, 1.3), (0.35, 2.0)
#: Range of photons of the brightest light, and of those of the background.
BRIGHTEST, BACKGROUND = (60.0, 20_000.0), (2.0, 200.0)
#: Electronic offset of a scientific camera, and its noise, counts.
OFFSET, READ_NOISE = 100.0, (1.0, 4.0)


class FluorescentStack(NamedTuple):
    """A rendered stack with its truth.

    Parameters
    ----------
    planes : list of ndarray
        P of shape (Y, X), uint8 or uint16.
    all_in_focus : ndarray
        The same, without noise.
    """

    planes: list[np.ndarray]
    all_in_focus: np.ndarray


def fluorescence_stack(planes: int, size_px: int, chance: np.random.Generator) -> FluorescentStack:
    """Render beads, filaments, cells and their membranes at random depths.

    Parameters
    ----------
    planes : int
        Number of planes.
    size_px : int
        Side of the picture, px.
    chance : Generator
        Source of chance.

    Returns
    -------
    FluorescentStack
        8 or 16 bits.

    Examples
    --------
    >>> stack = fluorescence_stack(3, 64, np.random.default_rng(0))
    >>> len(stack.planes), stack.all_in_focus.shape
    (3, (64, 64))
    """
    depths = DEPTHS_PER_PLANE * (planes - 1) + 1
    emitted = _specimen(depths, size_px, chance)
    in_focus_px = chance.uniform(*FOCUS_SIGMA_PX)
    per_plane_px = log_uniform(*SIGMA_PER_PLANE_PX, chance)

    def seen(plane: float | None) -> np.ndarray:
        light = np.zeros((size_px, size_px), np.float32)
        for depth, of_depth in emitted.items():
            away = 0.0 if plane is None else abs(depth / DEPTHS_PER_PLANE - plane)
            sigma_px = float(np.hypot(in_focus_px, per_plane_px * away))
            light += cv2.GaussianBlur(of_depth, (0, 0), sigma_px)
        return light

    truth = seen(None)
    bright = float(np.percentile(truth, 99.9))
    gain = log_uniform(*BRIGHTEST, chance) / max(bright, 1e-6)
    background = min(log_uniform(*BACKGROUND, chance), 0.2 * gain * bright)
    deep = chance.random() < 0.7
    noise = chance.uniform(*READ_NOISE)
    brightest = gain * float(truth.max()) + background

    def counted(photons: np.ndarray) -> np.ndarray:
        if deep:
            return np.clip(photons + OFFSET, 0, 65535).round().astype(np.uint16)
        return np.clip(photons * 255 / brightest, 0, 255).round().astype(np.uint8)

    def photographed(light: np.ndarray) -> np.ndarray:
        photons = chance.poisson(gain * light + background)
        return counted(photons + chance.normal(0, noise, photons.shape))

    stack = [photographed(seen(plane)) for plane in range(planes)]
    return FluorescentStack(stack, counted(gain * truth + background))


def _specimen(depths: int, size_px: int, chance: np.random.Generator) -> dict[int, np.ndarray]:
    """Return the light that depths emit, (Y, X) of each that emits any."""
    emitted: dict[int, np.ndarray] = {}
    fewer_than = {_bead: 60, _filament: 30, _cell: 9}  # on 192 px
    counts = {draw: int(chance.integers(0, most)) for draw, most in fewer_than.items()}
    if not any(counts.values()):
        counts[_filament] = 5
    for draw, count in counts.items():
        for _ in range(int(count * (size_px / 192) ** 2) + 1 if count else 0):
            for depth, light in draw(depths, size_px, chance):
                if 0 <= depth < depths:
                    emitted[depth] = emitted.get(depth, 0) + light
    return emitted


def _bead(
    depths: int, size_px: int, chance: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the depth and the light of a bead."""
    light = np.zeros((size_px, size_px), np.float32)
    row, column = chance.integers(0, size_px, 2)
    light[row, column] = log_uniform(2.0, 30.0, chance)
    yield int(chance.integers(depths)), light


def _filament(
    depths: int, size_px: int, chance: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield depths and light of a curved line that rises or falls slowly."""
    length = int(chance.integers(size_px // 4, 2 * size_px))
    angles = chance.uniform(0, 2 * np.pi) + np.cumsum(chance.normal(0, 0.05, length))
    start = chance.uniform(0, size_px, 2)
    places = start + np.cumsum(np.stack([np.sin(angles), np.cos(angles)], 1), 0)
    at = chance.uniform(0, depths) + chance.normal(0, 0.02) * np.arange(length)
    thickness, brightness = int(chance.integers(1, 4)), log_uniform(0.5, 4.0, chance)
    for depth in np.unique(at.round()):
        light = np.zeros((size_px, size_px), np.float32)
        points = places[at.round() == depth][:, ::-1].round().astype(np.int32)
        cv2.polylines(light, [points[:, None]], False, brightness, thickness)
        yield int(depth), light


def _cell(
    depths: int, size_px: int, chance: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield depths and light of an ellipsoid with grainy contents, or of its membrane alone."""
    rows, columns = np.mgrid[:size_px, :size_px].astype(np.float32)
    centre, middle = chance.uniform(0, size_px, 2), chance.uniform(0, depths)
    radius_px, half = chance.uniform(0.06, 0.22) * size_px, chance.uniform(0.5, 3.5)
    squeeze = chance.uniform(0.6, 1.0)
    distance = np.hypot(rows - centre[0], (columns - centre[1]) / squeeze)
    hollow, brightness = chance.random() < 0.4, log_uniform(0.2, 2.0, chance)
    for depth in range(int(middle - half), int(middle + half) + 1):
        inside = radius_px * np.sqrt(max(0.0, 1 - ((depth - middle) / half) ** 2))
        if inside < 1:
            continue
        grain = cv2.GaussianBlur(
            chance.normal(0, 1, distance.shape).astype(np.float32), (0, 0), 1.5
        )
        filled = (distance < inside) * np.clip(1 + 3 * grain, 0.1, 3)
        shell = np.exp(-(((distance - inside) / 1.2) ** 2))
        yield depth, (brightness * (3 * shell if hollow else filled)).astype(np.float32)
