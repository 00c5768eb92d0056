"""Planes in a temporary file, for stacks that exceed the memory budget."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.planes.lazy_plane import LazyPlane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from numpy.typing import DTypeLike


#: Bytes written at once where the system cannot reserve space. The value does not matter.
RESERVE_BYTES = 2**24


class KeptPlanes:
    """Computed planes, kept where those that they replace are: in memory, or in a scratch file.

    Parameters
    ----------
    planes : sequence of ndarray or LazyPlane
        The planes that they replace.

    Examples
    --------
    >>> kept = KeptPlanes([np.zeros((32, 48)), np.ones((32, 48))])
    >>> kept.add(np.full((32, 48), 2.0))
    >>> [float(plane.max()) for plane in kept.planes]
    [2.0]
    """

    def __init__(self, planes: Sequence[Any]) -> None:
        self.planes: list[Any] = []
        self._count, self._in_file = len(planes), isinstance(planes[0], LazyPlane)
        self._scratch: ScratchPlanes | None = None

    def add(self, pixels: np.ndarray) -> None:
        """Keep the next plane, of the shape and type of the first."""
        if not self._in_file:
            self.planes.append(pixels)
            return
        if self._scratch is None:
            self._scratch = ScratchPlanes((self._count, *pixels.shape), pixels.dtype)
        number = len(self.planes)
        self._scratch.write(number, pixels)
        self.planes.append(LazyPlane(self._scratch, number, pixels.shape))


class Closing:
    """A context manager that calls :meth:`close` at the end."""

    def close(self) -> None:
        """Release resources."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


class ScratchPlanes(Closing):
    """Planes in a temporary file, which is deleted when it is closed.

    Its space is reserved at the start. Each access maps the file anew, so pixels that were read do
    not stay in memory.

    Parameters
    ----------
    shape : tuple of int
        Number of planes, then the shape of a plane.
    dtype : dtype
        Type of the pixels.

    Raises
    ------
    InputError
        If the folder for temporary files (``TMPDIR``) has too little space.

    Examples
    --------
    >>> with ScratchPlanes((2, 32, 48), "uint16") as scratch:
    ...     scratch.write(1, np.ones((4, 5)), np.s_[8:12, 20:25])
    ...     scratch.read(1, np.s_[10:14, 24:27])[:, 0]
    array([1, 1, 0, 0], dtype=uint16)
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape, self.dtype = shape[1:], np.dtype(dtype)
        self._plane_bytes = math.prod(self.shape) * self.dtype.itemsize
        needed, folder = shape[0] * self._plane_bytes, tempfile.gettempdir()
        if shutil.disk_usage(folder).free < needed:
            raise _disk_full(needed, folder)
        self._file = tempfile.TemporaryFile(prefix="napari-focusstack-")  # noqa: SIM115
        self._lock = Lock()
        try:
            self._reserve(needed)
        except OSError as error:
            self._file.close()
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise _disk_full(needed, folder) from error
            raise

    def read(self, number: int, part: tuple[slice, ...] = ()) -> np.ndarray:
        """Return a copy of a part of a plane, or of the whole plane."""
        return np.array(self._plane(number)[part])

    def write(self, number: int, pixels: np.ndarray, part: tuple[slice, ...] = ()) -> None:
        """Write pixels to a part of a plane, or to the whole plane."""
        if part:
            self._plane(number)[part] = pixels
            return
        whole = np.ascontiguousarray(pixels, self.dtype)
        with self._lock:  # the first writing to a mapped page takes ten times as long
            self._file.seek(number * self._plane_bytes)
            self._file.write(whole.data)
            self._file.flush()

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def __del__(self) -> None:
        """Delete the file, if it was not closed."""
        if hasattr(self, "_file"):
            self.close()

    def _plane(self, number: int) -> np.memmap:
        """Map a plane."""
        with self._lock:  # it moves the position of the file, at which another thread may write
            return np.memmap(
                self._file, self.dtype, "r+", offset=number * self._plane_bytes, shape=self.shape
            )

    def _reserve(self, size: int) -> None:
        """Reserve space: writing to mapped pages on a full disk would kill the process."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file.fileno(), 0, size)
            return
        zeros = bytes(min(size, RESERVE_BYTES))
        for start in range(0, size, RESERVE_BYTES):
            self._file.write(zeros[: size - start])
        self._file.flush()


def _disk_full(needed: int, folder: str) -> InputError:
    """Return the error for a folder with too little space."""
    free = shutil.disk_usage(folder).free
    return InputError(
        f"the disk is full: {needed / 1e9:.2f} GB are needed in {folder} for a while and "
        f"{free / 1e9:.2f} GB are free; free space, set TMPDIR to another folder, or allow more "
        "memory."
    )
