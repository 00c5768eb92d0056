"""The blur of a plane step, told by surfaces themselves: sharp in one plane, blurred in others.

Where one surface fills the surroundings of a pixel, nothing veils it and it veils nothing: a plane
some steps before or behind shows what the plane in focus shows, blurred by so many times the sigma
of a step. That needs no edge, no mask, and only a rough depth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_focusstack.even_surface import even_places
from napari_focusstack.opacity import shine_through
from napari_focusstack.optics import blur

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.even_surface import Place
    from napari_focusstack.focus_map import FocusMap
    from napari_focusstack.fronts import Light
    from napari_focusstack.optics import PsfShape
    from napari_focusstack.reblur import PsfShapeChoice
    from napari_focusstack.region import Region

#: Greatest number of patches that are compared.
PATCHES = 12
#: What counts lies within so many steps of a plane.
IN_FOCUS = 0.3
#: Steps between the planes that are compared first; then as many as blur by about so much, px.
FIRST_STEPS, USUAL_PX = 2, 2.0
#: Blurs that are tried: the least, px, how many more, in which ratio, and how often it is halved.
LEAST_PX, COARSE_BLURS, RATIO, HALVINGS = 0.4, 12, 1.35, 4
#: Of what no blur leaves a blur must leave less than the first share to count, and less than the
#: second to need no other evidence; with the detail that shines through, less than the third.
TELLS, CLEAR, IN_ALL = 0.6, 0.4, 0.5
#: See :attr:`StepBlur.bar`.
DOUBTED = 0.8


class StepBlur(NamedTuple):
    """The blur of one plane step."""

    sigma_px: float
    shape: PsfShape
    #: Share of the change from plane to plane that the blur leaves unexplained.
    unexplained: float
    #: See :func:`napari_focusstack.opacity.shine_through`.
    through: float
    #: Sigmas that were tried, sorted, and the mean absolute error of each, linear light, 0..1.
    curve: tuple[tuple[float, float], ...]

    @property
    def bar(self) -> float:
        """What a veil of this blur has to stay under to count as seen, see :class:`Psf`.

        Where the blur explains nearly all, and surfaces hide what is behind them, a veil is to be
        expected, whatever edges tell; where not, edges must tell it the more clearly.
        """
        is_clear = self.unexplained < CLEAR and self.unexplained + self.through < IN_ALL
        return math.inf if is_clear else DOUBTED


class _Patches(NamedTuple):
    """Luminance (n, 1, Y, X) in focus and some steps away, and which pixels count, 0 or 1."""

    sharp: Tensor
    away: Tensor
    counts: Tensor


def find_step_blur(
    light: Light, focus: FocusMap, shape: PsfShapeChoice = "auto"
) -> StepBlur | None:
    """Find the sigma of a plane step in a stack.

    Parameters
    ----------
    light : callable
        See :func:`napari_focusstack.elimination.eliminate`.
    focus : FocusMap
        What is in focus where.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSF; ``auto`` takes the one that explains more.

    Returns
    -------
    StepBlur or None
        None where no surface tells: all are too small, blank, or change in other ways.
    """
    shapes: tuple[PsfShape, ...] = ("gaussian", "disk") if shape == "auto" else (shape,)
    places = even_places(focus)
    found = None
    steps = min(FIRST_STEPS, focus.planes - 1)
    for _ in range(2):
        patches = _patches(light, focus, places, steps)
        if patches is None:
            break
        found = min((_fit(patches, steps, one) for one in shapes), key=lambda fit: fit.unexplained)
        before, steps = steps, round(USUAL_PX / found.sigma_px)
        steps = min(max(FIRST_STEPS, steps), focus.planes - 1)
        if steps == before:
            break
    if found is None or found.unexplained > TELLS:
        return None
    return found._replace(through=shine_through(light, focus, places, found.sigma_px))


def _patches(light: Light, focus: FocusMap, places: list[Place], steps: int) -> _Patches | None:
    """Return the patches that change most so many steps before or behind their focus."""

    def luminance(planes: Tensor, where: Region) -> Tensor:
        return light(planes, where).mean(0, keepdim=True)

    found = []
    for where, even in places:
        depth = focus.part(where).depth
        own = depth.round()
        sharp = luminance(own[0], where)
        for plane in (own - steps, own + steps):
            counts = even & ((depth - own).abs() < IN_FOCUS)
            counts &= (plane >= 1) & (plane <= focus.planes)
            if counts.any():
                away = luminance(plane[0].clamp(1, focus.planes), where)
                change = float(((sharp - away).abs() * counts).sum())
                found.append((change, sharp, away, counts.to(sharp)))
    found = sorted(found, key=lambda one: one[0], reverse=True)[:PATCHES]
    if not found or found[0][0] == 0:
        return None
    _, *parts = zip(*found, strict=True)
    return _Patches(*map(torch.stack, parts))


def _fit(patches: _Patches, steps: int, shape: PsfShape) -> StepBlur:
    """Find the blur of one shape that explains most."""

    def look(sigma_px: float) -> None:
        errors[sigma_px] = _error(blur(patches.sharp, sigma_px, shape), patches)

    errors: dict[float, float] = {}
    for step in range(COARSE_BLURS):
        look(LEAST_PX * RATIO**step)
    factor = RATIO
    for _ in range(HALVINGS):
        factor **= 0.5
        best = min(errors, key=errors.__getitem__)
        look(best / factor)
        look(best * factor)
    best = min(errors, key=errors.__getitem__)
    curve = tuple((sigma_px / steps, error) for sigma_px, error in sorted(errors.items()))
    unexplained = errors[best] / _error(patches.sharp, patches)
    return StepBlur(best / steps, shape, unexplained, 0.0, curve)


def _error(seen: Tensor, patches: _Patches) -> float:
    """Return how unlike the planes away from focus images are, brought to equal brightness."""
    bright, away = (
        (one * patches.counts).sum((1, 2, 3), keepdim=True) for one in (seen, patches.away)
    )
    gain = away / bright.clamp(min=1e-6)
    error = (gain * seen - patches.away).abs() * patches.counts
    return float(error.sum() / patches.counts.sum())
