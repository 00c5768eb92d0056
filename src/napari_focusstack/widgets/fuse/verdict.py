"""How good a fusion is, in words, and what to do about each finding."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from napari_focusstack.diagnostics.diagnosis import format_ranges
from napari_focusstack.widgets.controls.verdict_view import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.widgets.session.session import Session


#: Light around edges, 0..1, that the blur may leave unexplained in a good result. Measured: five
#: photographed pairs leave at most 0.024, 24 simulated ones 0.03.
GOOD_RESIDUAL = 0.03
#: Shares of the pixels, 0..1, from which on the margin that not every plane shows, and depth that
#: is filled in, make a result doubtful (convention).
MUCH_BORDER, MUCH_FILLED = 0.05, 0.3


def verdict_of(session: Session, canvas: Canvas) -> Verdict:
    """Return the verdict on a fused stack.

    Parameters
    ----------
    session : Session
        Holds the figures of the stack.
    canvas : Canvas
        The fused stack.
    """
    from napari_focusstack.fusion.pipeline import DOUBTFUL

    findings = tuple(_findings(session, canvas))
    doubts = [finding for finding in findings if finding.is_doubt]
    more = f", and {len(doubts) - 1} more below" if len(doubts) > 1 else ""
    if doubts and doubts[0].action:  # to be mended first
        return Verdict(False, f"Doubtful: {_begun(doubts[0].text)}{more}.", findings)
    psf = canvas.psf
    if psf is None and canvas.pipeline.plain == DOUBTFUL:
        why = (
            "Doubtful: no blur explains the halos, so none was removed. If you see halos, set the "
            "blur yourself; if the light shines through the specimen, all is well."
        )
        return Verdict(False, why, findings)
    painted = session.state.painted_since
    if psf is not None and not painted and GOOD_RESIDUAL < psf.residual < math.inf:
        why = (
            "Doubtful: the blur explains little of the halos. Compare with the picture before "
            "their removal, and retouch what looks wrong."
        )
        return Verdict(False, why, findings)
    if doubts:
        return Verdict(False, f"Doubtful: {_begun(doubts[0].text)}{more}.", findings)
    if psf is None:
        return Verdict(True, f"Good: {_plain_words(canvas)}.", findings)
    share = 100 * float(canvas.region.mean())
    return Verdict(True, f"Good: halos were removed in {share:.1f}% of the pixels.", findings)


def verdict_before(positions: Sequence[float] | None, chosen: Sequence[int]) -> Verdict | None:
    """Return what keeps planes from being fused at all: some that lie at one position.

    Parameters
    ----------
    positions : sequence of float, optional
        Where each plane lies along the axis of focus; none where that is not known.
    chosen : sequence of int
        Rising numbers of the planes that are to be used, from 1, in the order of the slider.

    Returns
    -------
    Verdict or None
        None where nothing does.
    """
    if positions is None:
        return None
    pairs = [
        (one, other)
        for one, other in pairwise(chosen)
        if positions[one - 1] == positions[other - 1]
    ]
    if not pairs:
        return None
    named = " and ".join(str(plane) for plane in pairs[0])
    more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    text = f"Planes {named} lie at one position{more}; only one of them can be used"
    copies = tuple(other for _, other in pairs)
    finding = Finding(text, f"Leave out {_begun(_planes(copies))}", "leave_out", copies)
    return Verdict(False, f"{text}.", (finding,))


def verdict_without(planes: Sequence[int], chosen: int) -> Verdict:
    """Return what is said of planes that do not match the others, so that nothing was fused.

    Parameters
    ----------
    planes : sequence of int
        Their numbers, from 1, in the order of the slider.
    chosen : int
        Number of planes that are to be used.
    """
    finding = _left_out(planes, "shows something else", "show something else")
    if chosen - len(planes) < 2:
        finding = replace(finding, remedy="", action="")
    return Verdict(False, f"{finding.text} than the others, so nothing was fused.", (finding,))


def _plain_words(canvas: Canvas) -> str:
    """Return why no halo was removed."""
    if canvas.pipeline.parameters.elimination == "none":
        return "halos were left as they are, as you chose"
    return "there is no halo to remove, for nothing stands before anything else"


def _findings(session: Session, canvas: Canvas) -> Iterator[Finding]:
    """Yield what is odd about the planes, most serious first."""
    if canvas.pipeline.seems_reversed:
        yield Finding(
            "The other end of the stack seems to be the nearest", "Swap ends", "swap_ends"
        )
    if canvas.pipeline.is_turned:
        yield Finding(
            "The last plane was taken for the nearest: only so a blur explains the halos",
            "Swap ends",
            "swap_ends",
            is_doubt=False,
        )
    if session.diagnosis is not None:
        chosen = sum(canvas.stack.chosen)
        # as the slider and the tick boxes count planes
        turned = session.end == "last"
        diagnosis = session.diagnosis.reversed if turned else session.diagnosis
        for finding in findings_of(diagnosis, canvas.pipeline.light is None):
            # fewer than two planes cannot be fused
            can_go = finding.action != "leave_out" or chosen - len(finding.planes) > 1
            yield finding if can_go else replace(finding, remedy="", action="")
    if session.border_share > MUCH_BORDER:
        share = 100 * session.border_share
        yield Finding(f"{share:.0f}% of the pixels, at the margin, are missing in some planes")
    if session.filled_share > MUCH_FILLED:
        share = 100 * session.filled_share
        yield Finding(
            f"Nothing sharp in {share:.0f}% of the picture: its depth is a guess", is_doubt=False
        )


def findings_of(diagnosis: Diagnosis, light_as_given: bool) -> Iterator[Finding]:
    """Yield what is odd about planes, one finding of each kind, most serious first.

    Parameters
    ----------
    diagnosis : Diagnosis
        The findings by kind, on planes as the layer counts them.
    light_as_given : bool
        Whether the light was not equalised.
    """
    if diagnosis.unrelated:
        yield _left_out(diagnosis.unrelated, "shows something else", "show something else")
    if diagnosis.order:
        yield Finding(
            f"{_planes(diagnosis.misplaced)} {_is(diagnosis.misplaced)} out of order",
            "Sort planes",
            "sort",
            diagnosis.order,
        )
    if diagnosis.blurred:
        planes = diagnosis.blurred
        yield Finding(
            f"{_planes(planes)} {_is(planes)} blurred as a whole, and "
            f"{'was' if len(planes) == 1 else 'were'} not used",
            is_doubt=False,
        )
    if diagnosis.duplicates:
        copies = tuple(sorted({second for _, second in diagnosis.duplicates}))
        finding = _left_out(copies, "shows what another shows", "show what others show")
        if len(copies) == 1:
            finding = replace(finding, text=f"{_planes(diagnosis.duplicates[0])} show the same")
        yield finding
    if diagnosis.gaps:
        where = ", ".join(f"{one} and {other}" for one, other in diagnosis.gaps)
        yield Finding(f"Planes seem to be missing between {where}; record finer steps there")
    if diagnosis.flicker and light_as_given:
        planes = tuple(diagnosis.flicker)
        yield Finding(
            f"The light changes at {_begun(_planes(planes))}", "Equalise light", "equalise"
        )
    if diagnosis.blank:
        planes = diagnosis.blank
        yield Finding(
            f"{_planes(planes)} {'shows' if len(planes) == 1 else 'show'} nothing, and "
            f"{'was' if len(planes) == 1 else 'were'} not used",
            is_doubt=False,
        )
    if idle := diagnosis.idle_ends:
        yield _left_out(idle, "is sharp nowhere", "are sharp nowhere", is_doubt=False)


def _left_out(planes: Sequence[int], one: str, several: str, *, is_doubt: bool = True) -> Finding:
    """Return a finding on planes that are better left out."""
    named = _planes(planes)
    text = f"{named} {one if len(planes) == 1 else several}"
    return Finding(text, f"Leave out {_begun(named)}", "leave_out", tuple(planes), is_doubt)


def _planes(planes: Sequence[int]) -> str:
    """Return planes by number, at the start of a sentence."""
    return f"{'Plane' if len(planes) == 1 else 'Planes'} {format_ranges(sorted(planes))}"


def _is(planes: Sequence[int]) -> str:
    return "is" if len(planes) == 1 else "are"


def _begun(sentence: str) -> str:
    """Return a sentence as the rest of another."""
    return sentence[:1].lower() + sentence[1:]
