"""What layers show of a fusion, and what their records say, without the planes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.imaging.number_types import as_floats, to_type
from napari_focusstack.widgets.session.depth_colours import depth_colourmap
from napari_focusstack.widgets.session.label_layer import labels_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.label_layer import LabelState
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import FusionState, Task

    #: Pixels (Y, X) or (Y, X, 3), and the keywords with which a layer of them is first added.
    Picture = tuple[np.ndarray, dict[str, Any]]


#: Colour and opacity (0..1) of pixels that not every plane shows.
BORDER_COLOUR, BORDER_OPACITY = "#707070", 0.6


@dataclass(frozen=True)
class TimePointView:
    """What is shown and recorded of one time point, without the planes.

    Parameters
    ----------
    source : Source
        The planes that were fused.
    state : LabelState
        What is known of labels and blur; once it is :func:`packed`, with the labels in place of the
        focus map.
    segmented : bool
        Whether the labels are a new estimate.
    pictures : dict of str to (ndarray, dict)
        Pixels and first layer keywords, by kind of layer. Layers may take the arrays over.
    record : dict
        See :func:`record_of`.
    others : list of (Source, ndarray, dict)
        Other channels: source, fused image and record.
    region : tuple of slice or None
        Rows and columns that the parameters cut the result to; the pictures are those of the whole
        planes.
    depth : ndarray or None
        Depth (Y, X) that stays as it is where layers follow the brush.
    """

    source: Source
    state: LabelState
    segmented: bool
    pictures: dict[str, Picture]
    record: dict[str, Any]
    others: list[tuple[Source, np.ndarray, dict[str, Any]]]
    region: Region | None = None
    depth: np.ndarray | None = None

    @classmethod
    def of(cls, source: Source, fusion: FusionState, **optional: bool) -> TimePointView:
        """Return the view of a fusion, slow; see :func:`pictures` for ``optional``."""
        canvas, state = fusion.canvas, fusion.state
        result = result_of(canvas, state)
        cut = result.cropped() if canvas.pipeline.parameters.crop else result
        shown = pictures(canvas, result, **optional)
        return cls(
            source,
            state,
            fusion.segmented,
            shown,
            record_of(cut),
            [
                (other, canvas.image.copy(), record_of(result_of(canvas, state)))
                for other, canvas in fusion.others
            ],
            cut.region,
            shown["depth"][0].copy() if "depth" in shown else None,
        )


def result_of(canvas: Canvas, state: LabelState) -> FusionResult:
    """Return a fused stack in the form in which :func:`napari_focusstack.fuse` returns it."""
    from napari_focusstack.fusion.result import FusionResult

    return FusionResult.of(
        canvas.pipeline,
        canvas.focus,
        canvas.psf,
        canvas.selection,
        (canvas.image, canvas.region),
        state.crf_backend,
    )


def record_of(result: FusionResult) -> dict[str, Any]:
    """Return "parameters", "weights" and the figures "found" of a result, for a record."""
    return {
        "parameters": result.parameters,
        "weights": result.weights,
        "found": result.figures(),
    }


def viewed(task: Task, source: Source, **optional: bool) -> Task:
    """Return the task that also makes the view of a fusion; its result is both."""

    def both() -> Generator[Any, None, tuple[FusionState, TimePointView]]:
        fusion = yield from task()
        return fusion, TimePointView.of(source, fusion, **optional)

    return both


def packed(view: TimePointView, fusion: FusionState) -> TimePointView:
    """Return the view without focus map and planes, which are large."""
    focus = fusion.canvas.estimated if fusion.state.focus is None else fusion.state.focus
    near = fusion.canvas.pipeline.near
    estimate = replace(fusion.state, focus=focus, near=near).estimate
    state = replace(
        fusion.state,
        focus=None,
        selection=None,
        proposed=labels_of(focus),
        near=near,
        stored=estimate if isinstance(estimate, bytes) else estimate.to_bytes(),
    )
    return replace(view, state=state, depth=None)


def pictures(
    canvas: Canvas,
    result: FusionResult,
    *,
    diffusion: bool,
    depth: bool,
    sources: bool,
) -> dict[str, Picture]:
    """Return the pictures of a fusion by kind of layer, each with its first layer keywords.

    Parameters
    ----------
    canvas : Canvas
        The fused stack.
    result : FusionResult
        Its result.
    diffusion, depth, sources : bool
        Whether to show what was removed, the depth with its confidence, and the source planes.
    """
    kinds: dict[str, Picture] = {"fused": (canvas.image.copy(), {})}
    if depth:
        farthest = float(_distances(canvas, np.array(canvas.focus.planes)))
        look = {
            "colormap": depth_colourmap(),
            "contrast_limits": (0.0, farthest),
            "visible": False,
        }
        kinds["depth"] = result.depth, look
        look = {"contrast_limits": (0.0, 1.0), "visible": False}
        kinds["confidence"] = result.confidence.copy(), look
    if sources:
        look = {"colormap": depth_colourmap(), "contrast_limits": (1, canvas.focus.planes)}
        kinds["sources"] = result.source.copy(), look | {"visible": False}
    if diffusion:
        difference = removed(canvas)
        # limits must differ where nothing was removed
        limit = max(float(np.abs(difference).max()), 1e-6)
        look = {"colormap": "PiYG", "contrast_limits": (-limit, limit), "visible": False}
        kinds["diffusion"] = difference, look
    valid = result.valid
    if not valid.all():
        colours = {1: BORDER_COLOUR, None: "transparent"}
        look = {"colormap": colours, "opacity": BORDER_OPACITY, "visible": False}
        kinds["border"] = (~valid).astype(np.uint8), look
    return kinds


def depth_painted(canvas: Canvas, filled: np.ndarray, where: Region) -> np.ndarray:
    """Return the distance of some pixels behind the nearest plane, float32, after painting.

    Parameters
    ----------
    canvas : Canvas
        The stack, painted on.
    filled : ndarray
        Depth (Y, X) before painting, its holes filled. Pixels that are still holes keep it.
    where : tuple of slice
        Rows and columns.
    """
    from napari_focusstack.segmentation.depth_inpainting import MIN_CONFIDENCE

    focus = canvas.focus.crop(where)
    depth = _distances(canvas, focus.depth[0].cpu().numpy())
    if focus.is_pair:
        return depth
    # where all confidence is low nothing was filled, and both are the same
    return np.where(focus.confidence[0].cpu().numpy() < MIN_CONFIDENCE, filled[where], depth)


def _distances(canvas: Canvas, surface: np.ndarray) -> np.ndarray:
    """Return the distance of places along the axis of focus behind the nearest plane, float32."""
    from napari_focusstack.fusion.result import distances

    return distances(surface, canvas.pipeline.positions, canvas.pipeline.parameters.z_step)


def confidence_painted(canvas: Canvas, where: Region) -> np.ndarray:
    """Return the confidence of some pixels, float32, 0..1; painted pixels have 1."""
    confidence: np.ndarray = canvas.focus.crop(where).confidence[0].cpu().numpy()
    return confidence


def removed(canvas: Canvas, where: Region | None = None) -> np.ndarray:
    """Return initial minus fused image, (Y, X) float32, mean of the channels, in pixel values."""
    rows_columns = where or (slice(None), slice(None))
    initial, image = (as_floats(each[rows_columns]) for each in (canvas.initial, canvas.image))
    difference = to_type(initial - image, np.dtype(np.float32))
    return difference if difference.ndim == 2 else difference.mean(2)
