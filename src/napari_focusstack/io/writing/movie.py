"""Writing of movies, frame by frame: MP4 (H.264) and GIF."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable, replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: Appends a frame (Y, X, 3) to a movie.
    Add = Callable[[np.ndarray], None]


MP4, GIF = ".mp4", ".gif"
#: Longest side that is asked of a movie, px: a large screen's, and less for GIF, which compresses
#: photographs badly (convention).
LONGEST_PX = {MP4: 1280, GIF: 480}
#: Colours of a GIF, as many as it holds; they are chosen from each fourth row and column.
COLOURS, SAMPLED = 256, 4


def check_movie(path: str | Path) -> None:
    """Check that a movie can be written, before its frames are made.

    Parameters
    ----------
    path : path
        Ends in .mp4 or .gif.

    Raises
    ------
    InputError
        If the name cannot be written to, or a package is missing that MP4 needs.
    """
    path = Path(path)
    check_writable(path, suffixes=(MP4, GIF))
    if path.suffix.lower() == MP4 and not (find_spec("imageio") and find_spec("av")):
        raise InputError(
            'MP4 needs the packages imageio and av; pip install "napari-focusstack[movie]", or '
            "choose GIF."
        )


@contextmanager
def movie(path: str | Path, rate_hz: float) -> Iterator[Add]:
    """Write a movie; no file appears if the block raises.

    Parameters
    ----------
    path : path
        Ends in .mp4 or .gif. A GIF repeats for ever.
    rate_hz : float
        Frames per second.

    Yields
    ------
    callable
        Appends a frame, uint8, (Y, X, 3). All are of one size. An MP4 leaves out the last row or
        column where their number is odd: H.264 stores colours of 2 x 2 px.

    Raises
    ------
    InputError
        As :func:`check_movie`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "fade.gif"
    >>> with movie(path, rate_hz=10) as add:
    ...     for grey in range(0, 250, 50):
    ...         add(np.full((32, 48, 3), grey, np.uint8))
    >>> path.stat().st_size > 0
    True
    """
    path = Path(path)
    check_movie(path)
    encoding = _mp4 if path.suffix.lower() == MP4 else _gif
    with replacing(path) as temporary, encoding(temporary, rate_hz) as add:
        yield add


@contextmanager
def _mp4(path: Path, rate_hz: float) -> Iterator[Add]:
    from imageio.v3 import imopen

    with imopen(path, "w", plugin="pyav") as file:
        file.init_video_stream("libx264", fps=rate_hz, pixel_format="yuv420p")

        def add(frame: np.ndarray) -> None:
            rows, columns = (size - size % 2 for size in frame.shape[:2])
            file.write_frame(np.ascontiguousarray(frame[:rows, :columns]))

        yield add


@contextmanager
def _gif(path: Path, rate_hz: float) -> Iterator[Add]:
    from PIL import Image

    frames: list[np.ndarray] = []
    yield frames.append
    # one set of colours for all frames: with a new one in each they would flicker
    some = np.concatenate([frame[::SAMPLED, ::SAMPLED].reshape(-1, 3) for frame in frames])
    # the most unlike colours: the most frequent ones would leave a small bright thing grey
    colours = Image.fromarray(some[None]).quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    first, *others = (Image.fromarray(frame).quantize(palette=colours) for frame in frames)
    first.save(
        path,
        "GIF",
        save_all=True,
        append_images=others,
        duration=round(1000 / rate_hz),
        loop=0,
    )
