"""The steps of a fusion as tasks for a thread: they read layers, but change nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import SegmentationParameters, SourceParameters
from napari_focusstack.runtime.progress import relabel
from napari_focusstack.widgets.session.label_layer import LabelState, labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.fusion.label_edits import Fixes
    from napari_focusstack.fusion.pipeline import Pipeline
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.segmentation.focus_map import FocusMap
    from napari_focusstack.widgets.session.source import Source

    Task = Callable[[], Generator[Any, None, Any]]


@dataclass(frozen=True)
class FusionState:
    """What a fusion made.

    Parameters
    ----------
    state : LabelState
        What is known of the labels and the blur.
    segmented : bool
        Whether the labels are a new estimate.
    labels : ndarray
        The labels that were fused, (Y, X), as a Labels layer has them.
    canvas : Canvas
        The fused stack, which follows the brush.
    diagnosis : Diagnosis or None
        What is wrong with the planes; None for a pair, and where the labels are not new.
    others : list of (Source, Canvas)
        Other channels, fused with the focus of this one.
    """

    state: LabelState
    segmented: bool
    labels: np.ndarray
    canvas: Canvas
    diagnosis: Diagnosis | None = None
    others: list[tuple[Source, Canvas]] = field(default_factory=list)


@dataclass(frozen=True)
class Channels:
    """Other channels of a source, and how they are used.

    Parameters
    ----------
    others : tuple of Source
        Fused with the focus of the source.
    together : bool
        Whether focus is estimated from all channels together rather than from the source alone.
    """

    others: tuple[Source, ...] = ()
    together: bool = False


#: No other channels.
ALONE = Channels()


def segmenting(source: Source, parameters: FuseParameters, channels: Channels = ALONE) -> Task:
    """Return the task that estimates the labels; its result is a LabelState."""

    def task() -> Generator[Any, None, LabelState]:
        _, state = yield from _segment(source, parameters, channels)
        return state

    return task


def estimating(
    source: Source, parameters: FuseParameters, state: LabelState, labels: np.ndarray | None
) -> Task:
    """Return the task that estimates the blur along the edges of labels (Y, X).

    Its result is the LabelState with the blur. The task raises InputError where the labels have no
    edge, or where no blur explains the planes.
    """

    def task() -> Generator[Any, None, LabelState]:
        known = state.unpacked()
        pipeline = yield from _prepare(source, parameters, known)
        focus = _focus_of(pipeline, known, labels)
        if not focus.has_occlusions():
            raise InputError(
                "nothing stands before anything else, so there is no blur to measure; paint what "
                "is nearer, or give sigma."
            )
        estimate = yield from _estimate_psf(pipeline, known, focus)
        if estimate.psf is None:
            raise InputError(f"no blur was found: {pipeline.plain}.")
        return estimate

    return task


def fusing(
    source: Source,
    parameters: FuseParameters,
    state: LabelState | None = None,
    labels: np.ndarray | None = None,
    fixes: Fixes | None = None,
    decided: np.ndarray | None = None,
    channels: Channels = ALONE,
) -> Task:
    """Return the task that fuses with what is known, and estimates the rest.

    Its result is a FusionState.

    Parameters
    ----------
    source : Source
        The planes.
    parameters : FuseParameters
        Settings. Where labels are known, those of their segmentation are kept for the record.
    state : LabelState, optional
        What is known of labels and blur; of labels that are to be estimated anew, the near end with
        which they were painted.
    labels : ndarray, optional
        Labels (Y, X) as they are painted now.
    fixes : Fixes, optional
        What was painted. It stays on top where the labels are estimated anew.
    decided : ndarray of bool, optional
        Pixels (Y, X) that the brush went over: their labels hold, whatever was estimated.
    channels : Channels
        Other channels. They are fused with the focus and the registration of the source.
    """

    def task() -> Generator[Any, None, FusionState]:
        from napari_focusstack.fusion.canvas import Canvas
        from napari_focusstack.fusion.estimate import same_psf_settings

        known, painted, settings = (state or LabelState()).unpacked(), labels, parameters
        before = known.near
        # the record says how these labels were estimated, not how others would be
        if known.parameters is not None:
            settings = replace(settings, **_part(known.parameters, SegmentationParameters))
        pipeline = None
        if segmented := known.focus is None and painted is None:
            prepared, known = yield from _segment(source, settings, channels)
            painted = known.labels
            pipeline = None if channels.together else prepared
            if fixes is not None and fixes.painted.shape == painted.shape:
                is_turned = None not in (before, known.near) and before != known.near
                named = fixes.reversed(source.count) if is_turned else fixes
                painted = np.where(named.painted, named.labels, painted)
        if pipeline is None:
            pipeline = yield from _prepare(source, settings, known)
        pipeline.is_turned = known.is_turned and parameters.near == "auto"
        edited = _focus_of(pipeline, known, painted)
        needs_psf = pipeline.needs_psf(edited)
        if not needs_psf:
            yield from pipeline.find_psf(edited)  # it says why there is none
        elif same_psf_settings(known.psf_parameters, settings):
            pipeline.plain, pipeline.reversed_ratio = known.plain, known.reversed_ratio
        else:
            known = yield from _estimate_psf(pipeline, known, edited)
        fused_labels = labels_of(edited) if painted is None else painted
        focus = edited if known.focus is None else known.focus.to(pipeline.stack.device)
        if known.focus is not None:
            known = yield from _select(pipeline, known, settings)
        pipeline.weights = dict(known.weights)
        psf = known.psf if needs_psf else None
        hard = None if decided is None or decided.shape != edited.size else decided
        canvas = Canvas(pipeline, focus, psf, edited.labels, known.selection, hard)
        yield from canvas.fuse()
        diagnosis = None
        if segmented:
            diagnosis = yield from pipeline.diagnose(canvas.selection.source)
        others = []
        for other in channels.others:
            others.append((other, (yield from _with_focus_of(canvas, other, edited.labels))))
        return FusionState(known, segmented, fused_labels, canvas, diagnosis, others)

    return task


def along(tasks: Sequence[Task], convert: Callable[[int, FusionState], Any]) -> Task:
    """Return the task that fuses time point after time point, and keeps a conversion of each."""

    def task() -> Generator[Any, None, list[Any]]:
        converted = []
        for number, each in enumerate(tasks):
            numbered = partial(replace, item=number + 1, items=len(tasks))
            fusion = yield from relabel(each(), numbered)
            converted.append(convert(number, fusion))
        return converted

    return task


def _prepare(
    source: Source, parameters: FuseParameters, known: LabelState
) -> Generator[Any, None, Pipeline]:
    """Return the pipeline of planes in the order and registration that are known."""
    from napari_focusstack.fusion.near_end import prepare

    if parameters.near == "auto" and known.near == "last":
        parameters = replace(parameters, near="last")
    planes, positions = source.planes(), source.positions
    return (yield from prepare(planes, parameters, known.registration, positions=positions))


def _segment(
    source: Source, parameters: FuseParameters, channels: Channels
) -> Generator[Any, None, tuple[Pipeline, LabelState]]:
    """Estimate the labels, and which end is nearest if that is asked for."""
    from napari_focusstack.fusion.near_end import prepare_and_segment
    from napari_focusstack.planes.channels import mixed_planes

    planes = source.planes()
    if channels.together:
        planes = mixed_planes([planes, *(other.planes() for other in channels.others)])
    pipeline, focus, backend = yield from prepare_and_segment(
        planes, parameters, positions=source.positions
    )
    state = LabelState(
        focus,
        pipeline.parameters,
        dict(pipeline.weights),
        backend,
        near=pipeline.near,
        registration=pipeline.registration,
        is_turned=pipeline.is_turned,
        proposed=labels_of(focus),
    )
    return pipeline, state


def _with_focus_of(
    first: Canvas, other: Source, labels: np.ndarray
) -> Generator[Any, None, Canvas]:
    """Fuse another channel with the focus, the registration and the order of planes of a first."""
    from napari_focusstack.fusion.canvas import Canvas

    known = LabelState(near=first.pipeline.near, registration=first.pipeline.registration)
    pipeline = yield from _prepare(other, first.pipeline.parameters, known)
    psf = yield from pipeline.find_psf(first.focus)
    selection = None
    if first.has_estimated_sources:
        selection = yield from pipeline.select()
    canvas = Canvas(pipeline, first.estimated, psf, labels, selection, first.decided)
    yield from canvas.fuse()
    return canvas


def _select(
    pipeline: Pipeline, state: LabelState, parameters: FuseParameters
) -> Generator[Any, None, LabelState]:
    """Choose the sources, unless that was done with the same settings."""
    settings = _part(parameters, SourceParameters)
    settings |= {"intensity": parameters.intensity, "equalize": parameters.equalize}
    if state.selection is not None and state.selected_with == settings:
        return state
    selection = yield from pipeline.select()
    weights = state.weights | pipeline.weights
    return replace(state, selection=selection, selected_with=settings, weights=weights)


def _estimate_psf(
    pipeline: Pipeline, state: LabelState, focus: FocusMap
) -> Generator[Any, None, LabelState]:
    """Estimate the blur along the edges of a focus map."""
    psf = yield from pipeline.find_psf(focus)
    # weights of KEB belong to the earlier estimate
    weights = {name: digest for name, digest in state.weights.items() if name != "keb"}
    weights |= pipeline.weights
    return replace(
        state,
        psf=psf,
        psf_parameters=pipeline.parameters,
        plain=pipeline.plain,
        reversed_ratio=pipeline.reversed_ratio,
        weights=weights,
        painted_since=False,
    )


def _part(parameters: FuseParameters, kind: type) -> dict[str, Any]:
    """Return the parameters of one step."""
    return {each.name: getattr(parameters, each.name) for each in fields(kind)}


def _focus_of(pipeline: Pipeline, state: LabelState, labels: np.ndarray | None) -> FocusMap:
    """Return the estimated focus map with labels painted over it, or that of the labels alone."""
    focus = None if state.focus is None else state.focus.to(pipeline.stack.device)
    if focus is not None and labels is not None and labels.shape == pipeline.stack.size:
        return focus.with_labels(labels)
    if labels is not None:
        return pipeline.read_labels(labels)
    if focus is None:
        raise InputError("no planes were found yet; press Find planes, or paint the foreground.")
    return focus
