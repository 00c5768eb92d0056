"""The registration of a focal stack: one matrix per plane, to be saved, loaded and applied."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.registration.warp import resample
from napari_focusstack.runtime.schemas import checked, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Model = Literal["shift", "rigid", "similarity"]
Matrix = tuple[tuple[float, float, float], ...]
IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Registration:
    """Position of each plane of a focal stack against the middle one.

    Parameters
    ----------
    matrices : tuple of 3 x 3 tuples of float
        One per plane, in the order given: from (row, column, 1) in the output to that in the plane,
        px between pixel centres. It is the inverse of the affine of a layer in napari.
    size : tuple of int
        Rows and columns of a plane and of the output.
    model : {"shift", "rigid", "similarity"}
        What was allowed to change.
    reason : str
        Why the planes are moved, or why they are not.

    Examples
    --------
    >>> down = ((1.0, 0.0, 2.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    >>> registration = Registration((IDENTITY, down), (4, 5), "shift")
    >>> registration.moved_px
    (0.0, 2.0)
    >>> registration.common()
    (slice(0, 2, None), slice(0, 5, None))
    """

    matrices: tuple[Matrix, ...]
    size: tuple[int, int]
    model: Model = "similarity"
    reason: str = ""

    @classmethod
    def identity(
        cls, count: int, size: tuple[int, int], model: Model = "similarity", reason: str = ""
    ) -> Registration:
        """Return the registration that leaves every plane as it is."""
        return cls((IDENTITY,) * count, size, model, reason)

    def take(self, numbers: Sequence[int]) -> Registration:
        """Return the registration of some of the planes, counted from 1."""
        if len(numbers) == len(self.matrices):
            return self
        return replace(self, matrices=tuple(self._matrix(number) for number in numbers))

    def put(self, numbers: Sequence[int], count: int) -> Registration:
        """Return the registration of so many planes, of which these have the given numbers.

        The others stay as they are.
        """
        if len(numbers) == count:
            return self
        matrices = [IDENTITY] * count
        for number, matrix in zip(numbers, self.matrices, strict=True):
            matrices[number - 1] = matrix
        return replace(self, matrices=tuple(matrices))

    @property
    def reversed(self) -> Registration:
        """The registration of the planes in the reversed order."""
        return replace(self, matrices=self.matrices[::-1])

    @property
    def is_identity(self) -> bool:
        """Whether every plane stays as it is, bit for bit."""
        return all(matrix == IDENTITY for matrix in self.matrices)

    @cached_property
    def moved_px(self) -> tuple[float, ...]:
        """Largest movement of any pixel of each plane, px."""
        rows, columns = (side - 1 for side in self.size)
        corners = np.array([[0, 0, rows, rows], [0, columns, 0, columns], [1, 1, 1, 1]])
        moves = ((np.array(matrix) @ corners - corners)[:2] for matrix in self.matrices)
        return tuple(float(np.hypot(*move).max()) for move in moves)

    def check(self, planes: Sequence[np.ndarray] | np.ndarray) -> None:
        """Raise InputError if number or size of the planes differ from those registered."""
        if len(planes) != len(self.matrices):
            raise InputError(
                f"the registration is of {len(self.matrices)} planes, the stack has "
                f"{len(planes)}; register it anew."
            )
        for number in range(1, len(planes) + 1):
            self._check_size(planes[number - 1], number)
        self.check_drift()

    def check_drift(self) -> None:
        """Raise InputError unless each matrix is that of a drift: no shear, not out of sight."""
        for number, matrix in enumerate(self.matrices, 1):
            if not _is_drift(matrix, self.size):
                raise InputError(
                    f"the registration of plane {number} is no 3 x 3 matrix of a drift; save it "
                    "anew."
                )

    def warp(
        self, plane: np.ndarray, number: int, region: tuple[slice, slice] | None = None
    ) -> np.ndarray:
        """Move a plane to its position in the output.

        The interpolation is cubic, limited to the values of the 3 x 3 pixels around, so that edges
        neither ring nor clip. A plane that stays or moves by whole pixels keeps its values bit for
        bit. Beyond the plane its border pixels continue; `valid` is False there.

        Parameters
        ----------
        plane : ndarray, (Y, X) or (Y, X, 3)
            Numbers of any type; may be lazy: only the pixels needed are read.
        number : int
            Number of the plane, 1 to P, in the order given.
        region : tuple of slice, optional
            Rows and columns of the output to compute. The result equals the crop of the whole
            output, bit for bit.

        Returns
        -------
        ndarray
            Of the plane's dtype; the plane itself if it does not move.

        Raises
        ------
        InputError
            If there is no plane of that number, or it has another size.
        """
        matrix = self._matrix(number)
        self._check_size(plane, number)
        if matrix == IDENTITY:
            return np.asarray(plane if region is None else plane[region])
        return resample(plane, np.array(matrix), region or (slice(None), slice(None)))

    def valid(self, number: int) -> np.ndarray:
        """Return where the output shows pixels of plane `number`, not its border, bool (Y, X)."""
        inside = np.ones(self.size, bool)
        row, column = np.ogrid[: self.size[0], : self.size[1]]
        for (a, b, c), side in zip(self._matrix(number)[:2], self.size, strict=True):
            position = a * row + b * column + c
            inside &= (position > -1e-6) & (position < side - 1 + 1e-6)
        return inside

    def common(self) -> tuple[slice, slice]:
        """Return rows and columns of a large rectangle that every plane shows.

        Raises
        ------
        InputError
            If the planes share no pixel.
        """
        # A side is moved inwards until both its ends lie in each plane. That is exact without
        # rotation, and slightly too small with it.
        sides = []
        for axis in (0, 1):
            first, last = 0.0, self.size[axis] - 1.0
            for matrix in self.matrices:
                along, across, offset = matrix[axis][axis], matrix[axis][1 - axis], matrix[axis][2]
                for end in (0, self.size[1 - axis] - 1):
                    first = max(first, (-across * end - offset) / along)
                    last = min(last, (self.size[axis] - 1 - across * end - offset) / along)
            sides.append(slice(int(np.ceil(first - 1e-6)), int(np.floor(last + 1e-6)) + 1))
        if any(side.start >= side.stop for side in sides):
            raise InputError(
                f"the planes share no pixel once they are registered ({self.reason}); "
                "check that they show one scene, or turn registration off."
            )
        return sides[0], sides[1]

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads, ready for JSON."""
        return {
            "matrices": [[list(row) for row in matrix] for matrix in self.matrices],
            "size": list(self.size),
            "model": self.model,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Registration:
        """Return the registration of a mapping from `to_dict`.

        Raises
        ------
        InputError
            If an entry is missing, is not a number, or is no matrix of a registration.

        Examples
        --------
        >>> Registration.from_dict({"matrices": []})
        Traceback (most recent call last):
        napari_focusstack.errors.InputError: the registration has no size; save it anew.
        """
        for key in ("size", "model", "matrices"):
            if not isinstance(record, dict) or not record.get(key):
                raise InputError(f"the registration has no {key}; save it anew.")
        if record["model"] not in get_args(Model):
            raise InputError(
                f"the registration's model is {record['model']!r}; choose one of "
                f"{', '.join(get_args(Model))}."
            )
        size = checked(
            record["size"], tuple[int, int], f"the registration's size is {record['size']!r}"
        )
        if min(size) < 1:
            raise InputError(f"the registration's size is {size!r}; give rows and columns.")
        matrices = checked(record["matrices"], list[Any], "the registration's matrices are no list")
        registration = cls(
            tuple(
                checked(matrix, Matrix, f"the registration of plane {number} is no 3 x 3 matrix")
                for number, matrix in enumerate(matrices, 1)
            ),
            size,
            record["model"],
            checked(record.get("reason", ""), str, "the registration's reason is no text"),
        )
        registration.check_drift()
        return registration

    def save(self, path: str | Path) -> None:
        """Write the registration as JSON, whole or not at all; InputError if that fails."""
        from napari_focusstack.files import write_text

        write_text(path, json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Registration:
        """Read a registration that `save` wrote; InputError if that fails."""
        return cls.from_dict(read_json(Path(path), dict[str, Any], "JSON of a registration"))

    def _matrix(self, number: int) -> Matrix:
        """Return the matrix of a plane, counted from 1."""
        if not 1 <= number <= len(self.matrices):
            raise InputError(f"there is no plane {number}; choose 1 to {len(self.matrices)}.")
        return self.matrices[number - 1]

    def _check_size(self, plane: np.ndarray, number: int) -> None:
        """Raise InputError if a plane has another size."""
        if tuple(plane.shape[:2]) != self.size:
            raise InputError(
                f"plane {number} is {' x '.join(map(str, plane.shape[:2]))} px, the registration "
                f"of {self.size[0]} x {self.size[1]} px; register the stack anew."
            )


def _is_drift(matrix: Matrix, size: tuple[int, int]) -> bool:
    """Return whether a matrix moves a plane as a drift does, and the output still shows it."""
    if [len(row) for row in matrix] != [3, 3, 3] or tuple(matrix[2]) != (0, 0, 1):
        return False
    values = np.array(matrix)
    linear = values[:2, :2]
    # A drift scales by 0.5 to 2 and rotates by less than an eighth of a full turn.
    usable = (
        np.isfinite(values).all()
        and (np.abs(linear) <= 2).all()
        and min(linear[0, 0], linear[1, 1]) >= 0.5
        and 0.25 <= np.linalg.det(linear) <= 4
    )
    if not usable:
        return False
    rows, columns = (side - 1 for side in size)
    corners = np.array([[0, 0, rows, rows], [0, columns, 0, columns], [1, 1, 1, 1]])
    places = (values @ corners)[:2]
    return bool((places.max(1) >= 0).all() and (places.min(1) <= (rows, columns)).all())
