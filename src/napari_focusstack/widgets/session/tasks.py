"""The steps of a fusion as tasks for a thread: they read layers, but change nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import PsfParameters, SegmentationParameters
from napari_focusstack.runtime.progress import Progress, relabel
from napari_focusstack.widgets.session.label_layer import Found, labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.fusion.label_edits import Fixes
    from napari_focusstack.fusion.pipeline import Pipeline
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.focal_stack import Planes
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.segmentation.focus_map import FocusMap
    from napari_focusstack.widgets.session.source import Source

    Task = Callable[[], Generator[Any, None, Any]]

#: Parameters that another estimate of the blur would depend on.
PSF_FIELDS = (*(each.name for each in fields(PsfParameters)), "intensity")


@dataclass(frozen=True)
class Fused:
    """What a fusion made.

    Parameters
    ----------
    found : Found
        What is in focus where, and the blur.
    segmented : bool
        Whether that is new.
    labels : ndarray
        Shape (Y, X), what was fused, as a Labels layer has it.
    canvas : Canvas
        The fused pipeline.
    diagnosis : Diagnosis or None
        What is wrong with a pipeline of more than two planes; None where they were not looked through.
    others : list of tuple
        Other channels, fused with the focus of this one.
    """

    found: Found
    segmented: bool
    labels: np.ndarray
    canvas: Canvas
    diagnosis: Diagnosis | None = None
    others: list[tuple[Source, Canvas]] = field(default_factory=list)


@dataclass(frozen=True)
class Channels:
    """Other channels of a pipeline, and what they are to it.

    Parameters
    ----------
    others : tuple of Source
        Fused with its focus.
    together : bool
        Whether focus is found in all of them rather than in the pipeline alone.
    """

    others: tuple[Source, ...] = ()
    together: bool = False


#: A pipeline of one channel.
ALONE = Channels()


def segmenting(source: Source, parameters: FuseParameters, channels: Channels = ALONE) -> Task:
    """Find what is in focus where; returns a Found."""

    def task() -> Generator[Any, None, Found]:
        return (yield from _segmented((yield from _seen(source, parameters, channels))))

    return task


def estimating(
    source: Source, parameters: FuseParameters, found: Found, labels: np.ndarray | None
) -> Task:
    """Estimate the blurs along the edges of labels (Y, X); returns a Found with them."""

    def task() -> Generator[Any, None, Found]:
        pipeline = yield from _aligned(source.planes(), parameters, found.registration)
        edited = _edited(pipeline, found, labels)
        if not edited.has_occlusions():
            raise InputError(
                "nothing stands before anything else, so there is no blur to measure; paint what "
                "is nearer, or give sigma."
            )
        known = yield from _estimated(pipeline, found, edited)
        if known.psf is None:
            raise InputError(f"no blur was found: {pipeline.plain}.")
        return known

    return task


def fusing(
    source: Source,
    parameters: FuseParameters,
    found: Found | None = None,
    labels: np.ndarray | None = None,
    fixes: Fixes | None = None,
    channels: Channels = ALONE,
) -> Task:
    """Fuse with the labels (Y, X) and blurs at hand, finding what lacks; returns a Fused.

    Where it is found anew what is in focus, fixes stay on top of it. Other channels are fused with
    the focus and the registration of the first.
    """
    at_hand = found or Found()
    # the record tells how the labels at hand were found, not how others would be
    if at_hand.parameters is not None:
        parameters = replace(parameters, **_part(at_hand.parameters, SegmentationParameters))

    def task() -> Generator[Any, None, Fused]:
        from napari_focusstack.fusion.canvas import Canvas

        known, painted = at_hand, labels
        pipeline = None
        if segmented := known.focus is None and painted is None:
            seen = yield from _seen(source, parameters, channels)
            known = yield from _segmented(seen)
            painted = known.labels
            pipeline = None if channels.together else seen
            if fixes is not None and fixes.painted.shape == painted.shape:
                painted = np.where(fixes.painted, fixes.labels, painted)
        if pipeline is None:
            again = parameters
            if channels.together and known.near:
                again = replace(parameters, near=known.near)  # of all together
            pipeline = yield from _aligned(source.planes(), again, known.registration)
        edited = _edited(pipeline, known, painted)
        veiled = pipeline.needs_psf(edited)
        if veiled and not _holds(known, parameters):
            known = yield from _estimated(pipeline, known, edited)
        shown = labels_of(edited) if painted is None else painted
        focus = edited if known.focus is None else known.focus.to(pipeline.stack.device)
        pipeline.weights = known.weights
        canvas = Canvas(pipeline, focus, known.psf if veiled else None, edited.labels)
        yield from canvas.fuse()
        diagnosis = None
        if segmented:
            diagnosis = yield from pipeline.diagnose(canvas.focus.labels)
        others = []
        for other in channels.others:
            others.append((other, (yield from _with_focus_of(canvas, other, edited.labels))))
        return Fused(known, segmented, shown, canvas, diagnosis, others)

    return task


def along(tasks: Sequence[Task], keep: Callable[[int, Fused], Any]) -> Task:
    """Fuse time point after time point; returns what is kept of each."""

    def task() -> Generator[Any, None, list[Any]]:
        kept = []
        for number, each in enumerate(tasks):
            made = yield from relabel(each(), partial(_counted, f"{number + 1} of {len(tasks)}: "))
            kept.append(keep(number, made))
        return kept

    return task


def _counted(before: str, step: Progress) -> Progress:
    return Progress(f"{before}{step.step}", step.done, step.total)


def _aligned(
    planes: Planes, parameters: FuseParameters, known: Registration | None = None
) -> Generator[Any, None, Pipeline]:
    """Take planes, and bring them to lie on each other, as they did before where that is known."""
    from napari_focusstack.fusion.near_end import prepare

    return (yield from prepare(planes, parameters, known))


def _seen(
    source: Source, parameters: FuseParameters, channels: Channels
) -> Generator[Any, None, Pipeline]:
    """Take the planes that focus is found in: those of the pipeline, or of all channels together."""
    from napari_focusstack.planes.channels import mixed_planes

    planes = source.planes()
    if channels.together:
        planes = mixed_planes([planes, *(other.planes() for other in channels.others)])
    return (yield from _aligned(planes, parameters))


def _segmented(pipeline: Pipeline) -> Generator[Any, None, Found]:
    """Find what is in focus where."""
    focus, backend = yield from pipeline.segment()
    return Found(
        focus,
        pipeline.parameters,
        dict(pipeline.weights),
        backend,
        near=pipeline.near,
        registration=pipeline.registration,
    )


def _with_focus_of(
    first: Canvas, other: Source, labels: np.ndarray
) -> Generator[Any, None, Canvas]:
    """Fuse another channel with the focus, the registration and the order of planes of a first."""
    from napari_focusstack.fusion.canvas import Canvas

    parameters = replace(first.pipeline.parameters, near=first.pipeline.near)
    pipeline = yield from _aligned(other.planes(), parameters, first.pipeline.registration)
    psf = yield from pipeline.find_psf(first.focus)
    fused = Canvas(pipeline, first.estimated, psf, labels)
    yield from fused.fuse()
    return fused


def _estimated(pipeline: Pipeline, found: Found, edited: FocusMap) -> Generator[Any, None, Found]:
    """Find the blurs along the edges of what was painted."""
    psf = yield from pipeline.find_psf(edited)
    weights = {name: hashed for name, hashed in found.weights.items() if name != "keb"}
    weights |= pipeline.weights
    return replace(
        found, psf=psf, psf_parameters=pipeline.parameters, weights=weights, painted_since=False
    )


def _part(parameters: FuseParameters, kind: type) -> dict[str, Any]:
    """Return the parameters of one step."""
    return {each.name: getattr(parameters, each.name) for each in fields(kind)}


def _holds(found: Found, parameters: FuseParameters) -> bool:
    """Tell whether a blur is known, and no other is asked for."""
    before = found.psf_parameters
    return before is not None and all(
        getattr(before, name) == getattr(parameters, name) for name in PSF_FIELDS
    )


def _edited(pipeline: Pipeline, found: Found, labels: np.ndarray | None) -> FocusMap:
    """Return what was found with labels painted over it, or what the labels alone say."""
    focus = None if found.focus is None else found.focus.to(pipeline.stack.device)
    if focus is not None and labels is not None and labels.shape == pipeline.stack.size:
        return focus.with_labels(labels)
    if labels is not None:
        return pipeline.read_labels(labels)
    if focus is None:
        raise InputError("there are no labels yet; press Segment, or paint the foreground.")
    return focus
