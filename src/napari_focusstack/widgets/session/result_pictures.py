"""What a fusion shows, without the planes that it was made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.parameters import FuseParameters
from napari_focusstack.widgets.session.label_layer import labels_of

if TYPE_CHECKING:
    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.label_layer import Found
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import Fused


#: Parameters, weights and figures, for the record.
Told = tuple[FuseParameters, dict[str, str], dict[str, Any]]
#: Colour of what not every plane shows.
BORDER_COLOUR, BORDER_OPACITY = "#707070", 0.6


@dataclass(frozen=True)
class Picture:
    """Pixels (Y, X) or (Y, X, 3), and how a layer of their own first shows them."""

    data: np.ndarray
    look: dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """What is shown of a fusion at one time point.

    Parameters
    ----------
    source : Source
        What was fused.
    found : Found
        What is known of it, without the map of focus.
    segmented : bool
        Whether what is in focus where was found anew.
    pictures : dict
        By kind of layer.
    others : list of tuple
        Other channels, what they became, and what is told of them.
    told : tuple
        Parameters, weights and figures, for the record.
    """

    source: Source
    found: Found
    segmented: bool
    pictures: dict[str, Picture]
    others: list[tuple[Source, np.ndarray, Told]]
    told: Told

    @classmethod
    def of(cls, source: Source, made: Fused, *, diffusion: bool, depth: bool) -> Frame:
        """Return what there is to show of a fusion."""
        result = result_of(made.canvas, made.found)
        return cls(
            source,
            without_focus(made),
            made.segmented,
            pictures(made.canvas, result, source.plane_step[0], diffusion=diffusion, depth=depth),
            [
                (other, canvas.image, told_of(result_of(canvas, made.found)))
                for other, canvas in made.others
            ],
            told_of(result),
        )


def result_of(canvas: Canvas, found: Found) -> FusionResult:
    """Return what was fused, as :func:`napari_focusstack.fuse` returns it."""
    from napari_focusstack.fusion.result import FusionResult

    eliminated = canvas.image, canvas.initial, canvas.region
    return FusionResult.of(canvas.pipeline, canvas.focus, canvas.psf, eliminated, found.crf_backend)


def told_of(result: FusionResult) -> Told:
    """Return parameters, weights and figures of a result."""
    return FuseParameters(**result.parameters), result.weights, result.figures()


def without_focus(made: Fused) -> Found:
    """Return what was found with its labels in place of the map of focus, which is large."""
    focus = made.canvas.estimated if made.found.focus is None else made.found.focus
    near = made.canvas.pipeline.near
    return replace(made.found, focus=None, proposed=labels_of(focus), near=near)


def pictures(
    canvas: Canvas, result: FusionResult, step: float, *, diffusion: bool, depth: bool
) -> dict[str, Picture]:
    """Return what a fusion shows, by kind of layer.

    Parameters
    ----------
    canvas : Canvas
        The fused stack.
    result : FusionResult
        The same.
    step : float
        Distance between planes, in the source's unit.
    diffusion, depth : bool
        Whether to show what was removed, and the depth with its confidence.
    """
    shown = {"fused": Picture(canvas.image, {})}
    if depth:
        most = (canvas.focus.planes - 1) * step
        look = {"colormap": "viridis", "contrast_limits": (0.0, most), "visible": False}
        shown["depth"] = Picture(result.depth, look)
        look = {"contrast_limits": (0.0, 1.0), "visible": False}
        shown["confidence"] = Picture(result.confidence, look)
    if diffusion:
        taken = removed(canvas)
        limit = max(float(np.abs(taken).max()), 1e-6)
        look = {"colormap": "PiYG", "contrast_limits": (-limit, limit), "visible": False}
        shown["diffusion"] = Picture(taken, look)
    valid = result.valid
    if not valid.all():
        colours = {1: BORDER_COLOUR, None: "transparent"}
        look = {"colormap": colours, "opacity": BORDER_OPACITY}
        shown["border"] = Picture((~valid).astype(np.uint8), look)
    return shown


def depth_painted(canvas: Canvas, step: float, filled: np.ndarray, where: Region) -> np.ndarray:
    """Return how far behind the nearest plane the pixels of a part lie, float32.

    Parameters
    ----------
    canvas : Canvas
        The stack, painted on.
    step : float
        Distance between planes.
    filled : ndarray
        Depth (Y, X) as it was before, its holes filled: what is still a hole keeps that.
    where : tuple of slice
        Rows and columns.
    """
    found = (canvas.focus.crop(where).depth[0] - 1).cpu().numpy() * np.float32(step)
    return np.where(canvas.focus.holes[0, *where].cpu().numpy(), filled[where], found)


def confidence_painted(canvas: Canvas, where: Region) -> np.ndarray:
    """Return how sure the depth of a part is, float32, 0..1; what was painted is certain."""
    found: np.ndarray = canvas.focus.crop(where).confidence[0].cpu().numpy()
    return found


def removed(canvas: Canvas, where: Region | None = None) -> np.ndarray:
    """Return what elimination took away, (Y, X) float32, mean of the channels, in pixel values."""
    rows_columns = where or (slice(None), slice(None))
    taken = canvas.initial[rows_columns].astype(np.float32) - canvas.image[rows_columns]
    return taken if taken.ndim == 2 else taken.mean(2)
