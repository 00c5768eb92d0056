"""What a fusion found, in the few words that fit below its button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.widgets.fuse.panel import Panel
    from napari_focusstack.widgets.session.session import Session


def summary(session: Session, seconds: float) -> str:
    """Say what was found, as far as it holds for the labels as they are painted now.

    Parameters
    ----------
    session : Session
        Which has fused something.
    seconds : float
        How long that took.

    Returns
    -------
    str
        A line of figures, and a line for each thing that is wrong with the stack.
    """
    canvas = session.canvas
    if canvas is None:
        raise InputError("nothing is fused yet; press Fuse or Run all first.")
    why = canvas.pipeline.plain or "nothing stands before anything else, or no elimination"
    blur = f"every pixel is a source pixel: {why}"
    if canvas.psf is not None:
        residual = f"reblur residual {100 * canvas.psf.residual:.2f}%"
        blur = (
            f"sigma {canvas.psf.sigma_px:.2f} px{_per_plane(len(canvas.stack))} "
            f"({canvas.psf.shape}), "
            f"{'painted since it was measured' if session.found.painted_since else residual}, "
            f"{100 * float(canvas.region.mean()):.1f}% of the pixels unveiled"
        )
    figures = f"{blur}; {canvas.stack.intensity.coding} light, {seconds:.1f} s"
    if session.near == "auto":
        figures += f"; the {session.end} plane is nearest"
    moved = canvas.pipeline.registration
    if moved is not None and not moved.is_identity:
        figures += f"; {moved.reason}"
    if session.border_share > 0:
        figures += (
            f"; {100 * session.border_share:.1f}% of the pixels, marked as border, are not shown "
            "by every plane and may be guessed"
        )
    if session.filled_share > 0:
        figures += (
            f"; the depth of {100 * session.filled_share:.1f}% of the pixels is filled in from "
            "around, see the confidence"
        )
    wrong = [] if session.diagnosis is None else session.diagnosis.messages()
    return "\n".join([figures, *wrong])


def _per_plane(planes: int) -> str:
    return " per plane" if planes > 2 else ""


class Outcome:
    """Shows what a session found.

    Parameters
    ----------
    panel : Panel
        Where it is shown.
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self._seconds = 0.0

    def show(self, session: Session, seconds: float) -> None:
        """Show what was fused, and how long it took."""
        self._seconds = seconds
        if session.diagnosis is not None:
            sharpness = session.diagnosis.sharpness.tolist()
            self.panel.sharpness.set("sharpness", range(1, len(sharpness) + 1), sharpness)
        if session.canvas is not None:
            self.panel.wipe.offer(session.image, _to_compare(session.canvas))
        self._show_figures(session)

    def follow_brush(self, session: Session) -> None:
        """Show what changed as the image followed the brush."""
        self.panel.wipe.refresh()
        self._show_figures(session)

    def show_psf(self, psf: Psf) -> None:
        """Draw the blur, and how well each blur that was tried explains the planes."""
        from napari_focusstack.imaging.kernels import psf as kernel

        if psf.curve:
            sigmas, residuals = zip(*psf.curve, strict=True)
            percent = [100 * residual for residual in residuals]
            self.panel.residual.set("residual", sigmas, percent)
        profile = kernel(psf.sigma_px, psf.shape)
        middle = profile.shape[0] // 2
        row = profile[middle].tolist()
        self.panel.kernel.set("kernel", [x - middle for x in range(len(row))], row)

    def _show_figures(self, session: Session) -> None:
        if session.canvas is not None:
            self.panel.figures.setText(summary(session, self._seconds))


def _to_compare(canvas: Canvas) -> dict[str, np.ndarray]:
    """Return what a fused image can be compared with, by name."""
    planes = canvas.stack.sources
    names = [f"plane {number}" for number in range(1, len(planes) + 1)]
    names[0], names[-1] = (
        ("near plane", "far plane")
        if len(planes) == 2
        else (f"{names[0]} (near)", f"{names[-1]} (far)")
    )
    return {**dict(zip(names, planes, strict=True)), "before elimination": canvas.initial}
