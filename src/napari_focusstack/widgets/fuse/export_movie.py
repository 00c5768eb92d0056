"""Movies of a fusion: the surface as it rocks, and a sweep through the planes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QFileDialog

from napari_focusstack.io.writing.movie import GIF, LONGEST_PX, MP4, check_movie, movie
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.surface.rocking import FRAMES, Relief, rock
from napari_focusstack.widgets.fuse.save_results import has_surface, may_replace
from napari_focusstack.widgets.fuse.surface_view import drawn_depth
from napari_focusstack.widgets.session.look import Look
from napari_focusstack.widgets.session.result_pictures import result_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from qtpy.QtWidgets import QWidget

    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.tasks import Task

    #: Frames (Y, X, 3), their number, and how many are shown in a second.
    Clip = tuple[Iterator[np.ndarray], int, float]


#: File types of the dialog, with the suffix of each.
SURFACE_TYPES = {
    "Rocking surface: MP4 (*.mp4)": MP4,
    "Rocking surface: GIF (*.gif)": GIF,
}
SWEEP_TYPES = {
    "Focus sweep: MP4 (*.mp4)": MP4,
    "Focus sweep: GIF (*.gif)": GIF,
}
#: Frames per second of the surface, and the most of a sweep (convention).
RATE_HZ = 25.0
#: Duration of a sweep to the far end and back, s, and the fewest planes per second: fewer look
#: like a slide show (convention).
SWEEP_S, SLOWEST_HZ = 4.0, 2.0


def ask_movie(session: Session, parent: QWidget, folder: str) -> tuple[Path, str] | None:
    """Ask which movie to write, and where.

    Parameters
    ----------
    session : Session
        With a fused image.
    parent : QWidget
        Of the dialog.
    folder : str
        Where the dialog begins.

    Returns
    -------
    tuple of (Path, str) or None
        File and type; None if cancelled.

    Raises
    ------
    InputError
        If nothing is fused yet, or the file cannot be written.
    """
    session.fused_canvas()
    types = (SURFACE_TYPES if has_surface(session) else {}) | SWEEP_TYPES
    offered = str(Path(folder, f"{session.source.name} movie"))
    chosen, kind = QFileDialog.getSaveFileName(parent, "Export movie", offered, ";;".join(types))
    if not chosen:
        return None
    typed = path = Path(chosen)
    if path.suffix.lower() not in LONGEST_PX:
        path = path.with_name(path.name + types[kind])
    check_movie(path)
    # the dialog has asked about the name as it was typed
    is_free = path == typed or not path.exists() or may_replace(parent, [path])
    return (path, kind) if is_free else None


def exporting(path: Path, kind: str, session: Session) -> Task:
    """Return the task that writes a movie; its result is the number of frames."""
    canvas, image = session.fused_canvas(), session.fused_image()
    source, state, region = session.source, session.state, session.layers.region
    look, pixel = Look.of(image), source.beside()["scale"]
    longest_px = LONGEST_PX[path.suffix.lower()]

    def clip() -> Clip:
        if kind in SWEEP_TYPES:
            return sweep(canvas.stack.sources, look, fitted(source.size, pixel, longest_px))
        result = result_of(canvas, state)
        result = result if region is None else result.cropped(region)
        depth, _ = drawn_depth(result.depth, source)
        size = fitted(depth.shape, pixel, longest_px)
        picture = resized(look.colours(result.image), size)
        across = depth.shape[1] * pixel[1] / size[1]  # of a pixel of the movie
        relief = Relief(picture, resized(depth / across, size, between=False))
        return rock(relief), 2 * FRAMES - 2, RATE_HZ

    def task() -> Generator[Progress, None, int]:
        yield Progress("drawing frames", 0, 1)
        frames, count, rate_hz = clip()
        with movie(path, rate_hz) as add:
            for number, frame in enumerate(frames):
                yield Progress("drawing frames", number, count)
                add(frame)
        return count

    return task


def sweep(planes: Sequence[np.ndarray], look: Look, size: tuple[int, int]) -> Clip:
    """Return the frames from the nearest plane to the farthest and back, so that they repeat."""
    order = [*range(len(planes)), *range(len(planes) - 2, 0, -1)]
    rate_hz = float(np.clip(round(len(order) / SWEEP_S), SLOWEST_HZ, RATE_HZ))
    frames = (resized(look.colours(np.asarray(planes[plane])), size) for plane in order)
    return frames, len(order), rate_hz


def fitted(shape: Sequence[int], pixel: Sequence[float], longest_px: int) -> tuple[int, int]:
    """Return rows and columns of square pixels that show an image whole, and as finely.

    Parameters
    ----------
    shape : sequence of int
        Rows and columns of the image.
    pixel : sequence of float
        Height and width of its pixels.
    longest_px : int
        Most rows or columns.

    Examples
    --------
    >>> fitted((300, 400), (0.5, 0.5), 1280), fitted((3000, 4000), (2.0, 1.0), 1200)
    ((300, 400), (1200, 800))
    """
    sides = np.multiply(shape, pixel) / min(pixel)
    rows, columns = np.maximum(2, np.round(sides * min(1.0, longest_px / sides.max())))
    return int(rows), int(columns)


def resized(image: np.ndarray, size: tuple[int, int], *, between: bool = True) -> np.ndarray:
    """Return an image of another size; depth takes single values, none between two surfaces."""
    import cv2

    rows, columns = size
    if image.shape[:2] == size:
        return image
    method = cv2.INTER_AREA if between else cv2.INTER_NEAREST
    scaled: np.ndarray = cv2.resize(image, (columns, rows), interpolation=method)
    return scaled
