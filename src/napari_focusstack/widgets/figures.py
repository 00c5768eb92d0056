"""What a fusion found, in the few words that fit below its button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from napari_focusstack.widgets.session import Session


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
    why = canvas.stack.plain or "nothing stands before anything else, or no elimination"
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
    moved = canvas.stack.registration
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
    wrong = [] if session.diagnosis is None else session.diagnosis.sentences()
    return "\n".join([figures, *wrong])


def _per_plane(planes: int) -> str:
    return " per plane" if planes > 2 else ""
