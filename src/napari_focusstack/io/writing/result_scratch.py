"""A result in a scratch file, until it is known which part of it a file is to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.io.writing.result import Result
from napari_focusstack.planes.scratch import Closing, ScratchPlanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from napari_focusstack.io.writing.result import ResultForm
    from napari_focusstack.planes.lazy_plane import Rectangle
    from napari_focusstack.runtime.region import Region


class ScratchResult(Result, Closing):
    """A result that is kept whole, and written into a file as a part.

    Parameters
    ----------
    form : ResultForm
        Shape, type and axes of the whole result.

    Raises
    ------
    InputError
        If the folder for temporary files has too little space.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.io.writing.result import ResultForm
    >>> form = ResultForm(shape=(32, 48), dtype=np.dtype("u2"), axes="YX", scale=(1, 1),
    ...                   units=("pixel", "pixel"))
    >>> region = (slice(2, 30), slice(0, 40))
    >>> with ScratchResult(form) as whole, ScratchResult(form.cropped(region)) as part:
    ...     whole.write(np.ones((32, 48), np.uint16))
    ...     whole.write_to(part, region)
    ...     part.finish()
    """

    def __init__(self, form: ResultForm) -> None:
        super().__init__(form)
        self._planes = ScratchPlanes((form.count, *form.plane_shape), form.dtype)
        self._places: dict[int, Mapping[str, int]] = {}

    def write_to(self, other: Result, region: Region) -> None:
        """Write some rows and columns of each plane into a result of that size."""
        for number, at in self._places.items():
            other.write(self._planes.read(number, region), at=at)

    def close(self) -> None:
        """Delete the scratch file."""
        self._planes.close()

    def _put(
        self, pixels: np.ndarray, rectangle: Rectangle, number: int, at: Mapping[str, int]
    ) -> None:
        self._planes.write(number, pixels, rectangle)
        self._places[number] = dict(at)

    def _complete(self) -> None:
        """Nothing is to be completed."""
