"""Nikon ND2, by the package nd2: each stage position is a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.formats.reader import Series, first_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


NAME = "ND2"
SUFFIXES: tuple[str, ...] = (".nd2",)
EXTRA = "microscopes"
#: First bytes of a file, and of those before 2010, which are JPEG 2000.
SIGNATURE, OLD_SIGNATURE = b"\xda\xce\xbe\x0a", b"\0\0\0\x0cjP  "
#: Most that zlib shortens data, a property of its format.
DEFLATE_LIMIT = 1032
#: Letters of loops: of positions, and of an unknown kind.
POSITION, UNKNOWN_LOOP = "P", "U"


def can_read(path: Path) -> bool:
    """Return whether a file begins as an ND2."""
    start = first_bytes(path, len(OLD_SIGNATURE))
    is_old = start == OLD_SIGNATURE and path.suffix.lower() in SUFFIXES
    return start.startswith(SIGNATURE) or is_old


def series(path: Path) -> list[Series]:
    """Return the stage positions of a file."""
    import nd2

    with nd2.ND2File(path) as file:
        _check_frame(path, file)
        sizes = dict(file.sizes)
        count = sizes.pop(POSITION, 1)
        axes = "".join(sizes).replace(UNKNOWN_LOOP, "Q")
        return [
            Series(
                reader=NAME,
                place=str(number),
                axes=axes,
                shape=tuple(sizes.values()),
                dtype=file.dtype,
                steps=dict(_steps(file)),
                channels=_channels(file, sizes["C"]) if "C" in sizes else (),
            )
            for number in range(count)
        ]


def read(path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
    """Read one plane; of an uncompressed file, only its part of the frame."""
    import nd2

    with nd2.ND2File(path) as file:
        loops = [axis for axis in file.sizes if axis not in "CYXS"]
        index = {**at, POSITION: int(series.place), UNKNOWN_LOOP: at.get("Q", 0)}
        shape = tuple(file.sizes[axis] for axis in loops)
        position = tuple(index.get(axis, 0) for axis in loops)
        frame = file.read_frame(int(np.ravel_multi_index(position, shape)) if loops else 0)
        if "C" in series.axes:
            frame = frame[at.get("C", 0)]
        return np.array(frame)  # the frame is a view of the file, which is closed now


def _check_frame(path: Path, file: Any) -> None:
    """Raise ValueError if a frame cannot be in the file; it would be read as a large black one."""
    claimed = file.attributes
    frame_bytes = claimed.heightPx * (claimed.widthPx or 1) * claimed.componentCount
    frame_bytes *= claimed.bitsPerComponentInMemory // 8
    factor = DEFLATE_LIMIT if claimed.compressionType == "lossless" else 1
    if frame_bytes > factor * path.stat().st_size:
        raise ValueError("a frame is larger than the file")


def _steps(file: Any) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield axes with their steps and units."""
    known = file.metadata.channels if file.metadata else None
    if known:
        volume = known[0].volume
        for axis, is_known, step in zip(
            "XYZ", volume.axesCalibrated, volume.axesCalibration, strict=True
        ):
            if is_known and step > 0:
                yield axis, (float(f"{step:.9g}"), "um")
    for loop in file.experiment:
        if loop.type in ("TimeLoop", "NETimeLoop"):
            timing = loop.parameters.periods[0] if loop.type == "NETimeLoop" else loop.parameters
            # A loop without a delay has the period 0; what was measured is its mean.
            period_ms = timing.periodMs or timing.periodDiff.avg or 0
            if period_ms > 0:
                yield "T", (period_ms / 1000, "s")


def _channels(file: Any, count: int) -> tuple[Channel, ...]:
    """Return names and colours of the channels."""
    known = [
        Channel(each.channel.name or None, _colour(each.channel.color))
        for each in (file.metadata.channels if file.metadata else None) or ()
    ]
    return tuple((known + [Channel()] * count)[:count])


def _colour(colour: Any) -> tuple[float, float, float] | None:
    """Return red, green and blue, 0 to 1; None for black, which would show nothing."""
    red, green, blue = colour.r / 255, colour.g / 255, colour.b / 255
    return (red, green, blue) if red or green or blue else None
