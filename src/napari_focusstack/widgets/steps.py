"""The steps of a fusion as tasks for a thread: they read layers, but change nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import PsfParameters, SegmentationParameters
from napari_focusstack.progress import Progress
from napari_focusstack.widgets.plane_labels import Found, labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.editing import Canvas, Fixes
    from napari_focusstack.focus_map import FocusMap
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.stack import Stack
    from napari_focusstack.widgets.source import Source

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
        The fused stack.
    diagnosis : Diagnosis or None
        What is wrong with a stack of more than two planes; None where they were not looked through.
    """

    found: Found
    segmented: bool
    labels: np.ndarray
    canvas: Canvas
    diagnosis: Diagnosis | None = None


def segmenting(source: Source, parameters: FuseParameters) -> Task:
    """Find what is in focus where; returns a Found."""

    def task() -> Generator[Any, None, Found]:
        return (yield from _segmented((yield from _stack(source, parameters))))

    return task


def estimating(
    source: Source, parameters: FuseParameters, found: Found, labels: np.ndarray | None
) -> Task:
    """Estimate the blurs along the edges of labels (Y, X); returns a Found with them."""

    def task() -> Generator[Any, None, Found]:
        stack = yield from _stack(source, parameters, found)
        edited = _edited(stack, found, labels)
        if not edited.has_steps():
            raise InputError(
                "nothing stands before anything else, so there is no blur to measure; paint what "
                "is nearer, or give sigma."
            )
        known = yield from _estimated(stack, found, edited)
        if known.psf is None:
            raise InputError(f"no blur was found: {stack.plain}.")
        return known

    return task


def fusing(
    source: Source,
    parameters: FuseParameters,
    found: Found | None = None,
    labels: np.ndarray | None = None,
    fixes: Fixes | None = None,
) -> Task:
    """Fuse with the labels (Y, X) and blurs at hand, finding what lacks; returns a Fused.

    Where it is found anew what is in focus, fixes stay on top of it.
    """
    at_hand = found or Found()
    # the record tells how the labels at hand were found, not how others would be
    if at_hand.parameters is not None:
        parameters = replace(parameters, **_part(at_hand.parameters, SegmentationParameters))

    def task() -> Generator[Any, None, Fused]:
        from napari_focusstack.editing import Canvas

        stack = yield from _stack(source, parameters, at_hand)
        known, painted = at_hand, labels
        if segmented := known.focus is None and painted is None:
            known = yield from _segmented(stack)
            painted = known.labels
            if fixes is not None and fixes.painted.shape == painted.shape:
                painted = np.where(fixes.painted, fixes.labels, painted)
        edited = _edited(stack, known, painted)
        veiled = stack.is_veiled(edited)
        if veiled and not _holds(known, parameters):
            known = yield from _estimated(stack, known, edited)
        shown = labels_of(edited) if painted is None else painted
        focus = edited if known.focus is None else known.focus.to(stack.device)
        stack.weights = known.weights
        canvas = Canvas(stack, focus, known.psf if veiled else None, edited.labels)
        yield from canvas.fuse()
        diagnosis = None
        if segmented and len(stack) > 2:
            diagnosis = yield from _diagnosed(stack, canvas.focus.labels)
        return Fused(known, segmented, shown, canvas, diagnosis)

    return task


def _stack(
    source: Source, parameters: FuseParameters, found: Found | None = None
) -> Generator[Any, None, Stack]:
    """Take the planes, lying on each other as they did before."""
    from napari_focusstack.stack import Stack

    stack = Stack(source.planes(), parameters)
    yield from stack.align(found.registration if found else None)
    return stack


def _segmented(stack: Stack) -> Generator[Any, None, Found]:
    """Find what is in focus where."""
    focus, backend = yield from stack.find_focus()
    return Found(
        focus,
        stack.parameters,
        dict(stack.weights),
        backend,
        near=stack.near,
        registration=stack.registration,
    )


def _estimated(stack: Stack, found: Found, edited: FocusMap) -> Generator[Any, None, Found]:
    """Find the blurs along the edges of what was painted."""
    psf = yield from stack.find_psf(edited)
    weights = {name: hashed for name, hashed in found.weights.items() if name != "keb"}
    weights |= stack.weights
    return replace(
        found, psf=psf, psf_parameters=stack.parameters, weights=weights, painted_since=False
    )


def _diagnosed(stack: Stack, labels: np.ndarray) -> Generator[Any, None, Diagnosis]:
    """Look through the planes for what spoils a fusion."""
    from napari_focusstack.diagnostics.diagnose import diagnose

    yield Progress("look through the planes", 0, 1)
    return diagnose(stack.sources, labels)


def _part(parameters: FuseParameters, kind: type) -> dict[str, Any]:
    """Return the parameters of one step."""
    return {each.name: getattr(parameters, each.name) for each in fields(kind)}


def _holds(found: Found, parameters: FuseParameters) -> bool:
    """Tell whether a blur is known, and no other is asked for."""
    before = found.psf_parameters
    return before is not None and all(
        getattr(before, name) == getattr(parameters, name) for name in PSF_FIELDS
    )


def _edited(stack: Stack, found: Found, labels: np.ndarray | None) -> FocusMap:
    """Return what was found with labels painted over it, or what the labels alone say."""
    focus = None if found.focus is None else found.focus.to(stack.device)
    if focus is not None and labels is not None and labels.shape == stack.size:
        return focus.painted(labels)
    if labels is not None:
        return stack.read_labels(labels)
    if focus is None:
        raise InputError("there are no labels yet; press Segment, or paint the foreground.")
    return focus
