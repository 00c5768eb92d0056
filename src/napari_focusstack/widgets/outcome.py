"""What the dock shows of a fusion beside its layers: figures, curves, pictures to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.widgets.figures import summary

if TYPE_CHECKING:
    import numpy as np

    from napari_focusstack.editing import Canvas
    from napari_focusstack.lens import Psf
    from napari_focusstack.widgets.panel import Panel
    from napari_focusstack.widgets.session import Session


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
        from napari_focusstack.optics import psf as kernel

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
