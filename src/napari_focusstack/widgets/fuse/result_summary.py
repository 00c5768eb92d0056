"""The verdict, the figures and the curves of a fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError
from napari_focusstack.widgets.fuse.panel import WORDS
from napari_focusstack.widgets.fuse.verdict import verdict_before, verdict_of
from napari_focusstack.widgets.session.session import NOTHING_FUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.widgets.controls.verdict_view import Verdict
    from napari_focusstack.widgets.fuse.panel import Panel
    from napari_focusstack.widgets.retouch.retouch import Retouch
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source


class ResultSummary:
    """Shows in a panel what a session estimated and fused, and whether it can be trusted.

    Parameters
    ----------
    panel : Panel
        Has the verdict, the figures, the curves and the comparison.
    retouch : Retouch
        Knows what the fused image is compared with.
    """

    def __init__(self, panel: Panel, retouch: Retouch) -> None:
        self.panel = panel
        self.retouch = retouch
        self._session: Session | None = None
        self.seconds = 0.0
        self._is_blank = True
        #: Planes of a source that could not be fused, and what is said of them.
        self._refused: tuple[Source | None, Sequence[int], Verdict] | None = None

    def show(self, session: Session, seconds: float) -> None:
        """Show a new fusion, and the seconds that it took."""
        self._session, self.seconds, self._is_blank = session, seconds, False
        self._show()

    def show_again(self, source: Source | None, chosen: Sequence[int]) -> None:
        """Show the last fusion if it is one of this source, else what is in the way of one.

        ``chosen`` are the numbers of the planes that are to be used, see
        :func:`~napari_focusstack.widgets.fuse.verdict.verdict_before`.
        """
        session = self._session
        if session is None or session.source != source:
            self._clear()
            before = None if source is None else verdict_before(source.positions, chosen)
            if self._refused is not None and self._refused[:2] == (source, chosen):
                before = self._refused[2]
            self.panel.verdict.show_verdict(before)
        elif self._is_blank:
            self._is_blank = False
            self._show()

    def refuse(self, source: Source | None, chosen: Sequence[int], verdict: Verdict) -> None:
        """Say why planes of a source could not be fused, until others are chosen."""
        self._refused = source, chosen, verdict
        self.show_again(source, chosen)

    def forget(self) -> None:
        """Show nothing, as while a step runs and after it failed."""
        self._session = self._refused = None
        self._clear()

    def follow_brush(self, session: Session) -> None:
        """Show what changed as the image followed the brush, if this fusion is shown."""
        self.panel.wipe.refresh()
        if session is self._session and not self._is_blank:
            self._show_figures(session)

    def _show(self) -> None:
        session = self._session
        if session is None or session.canvas is None:
            return
        sharpness = [] if session.diagnosis is None else session.diagnosis.sharpness.tolist()
        self.panel.sharpness.set("sharpness", range(1, len(sharpness) + 1), sharpness)
        if session.canvas.psf is not None:
            self.show_psf(session.canvas.psf)
        self.panel.wipe.offer(session.image, self.retouch.images())
        self._show_figures(session)

    def _clear(self) -> None:
        if self._is_blank:
            return
        self._is_blank = True
        self.panel.verdict.show_verdict(None)
        self.panel.figures.setText("")
        for curve in (self.panel.sharpness, self.panel.residual, self.panel.kernel):
            curve.clear()
        self.panel.wipe.offer(None, {})

    def show_psf(self, psf: Psf) -> None:
        """Plot the middle row of the PSF, and the reblur residual of each sigma that was tried."""
        from napari_focusstack.imaging.kernels import psf as kernel

        if psf.curve:
            sigmas, residuals = zip(*psf.curve, strict=True)
            percent = [100 * residual for residual in residuals]
            self.panel.residual.set("residual", sigmas, percent)
        values = kernel(psf.sigma_px, psf.shape)
        middle = values.shape[0] // 2
        row = values[middle].tolist()
        self.panel.kernel.set("kernel", [x - middle for x in range(len(row))], row)

    def _show_figures(self, session: Session) -> None:
        if session.canvas is not None:
            self.panel.figures.setText(figures_text(session, self.seconds))
            self.panel.verdict.show_verdict(verdict_of(session, session.canvas))


def figures_text(session: Session, seconds: float) -> str:
    """Return the figures of a fusion that hold for the labels as they are painted now.

    Parameters
    ----------
    session : Session
        With a fused stack.
    seconds : float
        Time that the fusion took.

    Returns
    -------
    str
        A figure a line. What the verdict says of the planes is not said again.

    Raises
    ------
    InputError
        If nothing is fused yet.
    """
    canvas = session.canvas
    if canvas is None:
        raise InputError(NOTHING_FUSED)
    parts = _elimination_figures(canvas, painted_since=session.state.painted_since)
    parts.append(f"pixel values: {WORDS['intensity'][canvas.stack.intensity.coding]}")
    parts.append(f"fused in {seconds:.1f} s")
    if session.near == "auto":
        parts.append(f"the {session.end} plane is nearest")
    registration = canvas.pipeline.registration
    if registration is not None and not registration.is_identity:
        parts.append(registration.reason)
    corrected = canvas.pipeline.defects, canvas.pipeline.light
    parts += [each.reason for each in corrected if each is not None]
    if blended := 100 * float(canvas.selection.blended.mean()):
        parts.append(f"planes blended in {blended:.2g}% of the pixels")
    if session.border_share > 0:
        parts.append(
            f"{100 * session.border_share:.1f}% of the pixels, marked as border, are not shown "
            "by every plane and may be guessed"
        )
    if session.filled_share > 0:
        parts.append(
            f"the depth of {100 * session.filled_share:.1f}% of the pixels is filled in from "
            "around, see the confidence"
        )
    return "\n".join(parts + canvas.pipeline.not_shown)


def _elimination_figures(canvas: Canvas, *, painted_since: bool) -> list[str]:
    """Return the blur and the share of computed pixels, or why nothing was eliminated."""
    if canvas.psf is None:
        is_chosen = canvas.pipeline.parameters.elimination == "none"
        why = "as chosen" if is_chosen else canvas.pipeline.plain
        return [f"no halo removed: {why}"]
    residual = f"{100 * canvas.psf.residual:.2f}% of the light at edges unexplained"
    per_plane = " per plane" if len(canvas.stack) > 2 else ""
    return [
        f"blur {canvas.psf.sigma_px:.2f} px{per_plane} ({WORDS['psf_shape'][canvas.psf.shape]})",
        "painted since the blur was measured" if painted_since else residual,
        f"{100 * float(canvas.region.mean()):.1f}% of the pixels computed",
    ]
