"""Where each plane of a focal stack lies: matrices that are kept, saved and applied."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.registration.warp import resample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Model = Literal["shift", "rigid", "similarity"]
Matrix = tuple[tuple[float, float, float], ...]
IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Registration:
    """Where each plane of a focal stack lies.

    Parameters
    ----------
    matrices : tuple of 3 x 3 tuples of float
        One per plane, nearest first: from (row, column, 1) in the output to the same in the plane,
        px between centres of pixels. It is the affine that napari gives a layer, inverted.
    size : tuple of int
        Rows and columns of a plane and of the output.
    model : {"shift", "rigid", "similarity"}
        What was allowed to move.
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

    @property
    def is_identity(self) -> bool:
        """Whether every plane stays as it is, bit for bit."""
        return all(matrix == IDENTITY for matrix in self.matrices)

    @cached_property
    def moved_px(self) -> tuple[float, ...]:
        """How far any pixel of each plane moves at most, px."""
        rows, columns = (side - 1 for side in self.size)
        corners = np.array([[0, 0, rows, rows], [0, columns, 0, columns], [1, 1, 1, 1]])
        moves = ((np.array(matrix) @ corners - corners)[:2] for matrix in self.matrices)
        return tuple(float(np.hypot(*move).max()) for move in moves)

    def check(self, planes: Sequence[np.ndarray] | np.ndarray) -> None:
        """Raise InputError unless the planes are as many and as large as those registered."""
        if len(planes) != len(self.matrices):
            raise InputError(
                f"the registration is of {len(self.matrices)} planes, the stack has "
                f"{len(planes)}; register it anew."
            )
        for number in range(1, len(planes) + 1):
            self._check_size(planes[number - 1], number)

    def warp(
        self, plane: np.ndarray, number: int, region: tuple[slice, slice] | None = None
    ) -> np.ndarray:
        """Move a plane to where the output has it.

        Cubic interpolation, kept within the values of the 3 x 3 pixels around, so that edges
        neither ring nor clip. A plane that stays or moves by whole pixels keeps its values bit for
        bit. Beyond the plane its border pixels continue; `valid` tells where that is.

        Parameters
        ----------
        plane : ndarray, (Y, X) or (Y, X, 3)
            uint8, uint16 or float32; may be lazy: only the pixels needed are read.
        number : int
            Of the plane, 1 to P, nearest first.
        region : tuple of slice, optional
            Rows and columns of the output to compute; the crop of the whole, to the bit.

        Returns
        -------
        ndarray
            Of the plane's dtype; the plane itself where nothing moves.

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
        """Return where the output shows plane `number`, not what continues it, bool (Y, X)."""
        inside = np.ones(self.size, bool)
        row, column = np.ogrid[: self.size[0], : self.size[1]]
        for (a, b, c), side in zip(self._matrix(number)[:2], self.size, strict=True):
            place = a * row + b * column + c
            inside &= (place > -1e-6) & (place < side - 1 + 1e-6)
        return inside

    def common(self) -> tuple[slice, slice]:
        """Return rows and columns of a large rectangle that every plane shows.

        Raises
        ------
        InputError
            If the planes share no pixel.
        """
        # A side is moved in until both its ends lie in each plane: exact without rotation, and
        # on the safe side by a fraction of the tilt with it.
        sides = []
        for axis in (0, 1):
            first, last = 0.0, self.size[axis] - 1.0
            for matrix in self.matrices:
                own, other, offset = matrix[axis][axis], matrix[axis][1 - axis], matrix[axis][2]
                for end in (0, self.size[1 - axis] - 1):
                    first = max(first, (-other * end - offset) / own)
                    last = min(last, (self.size[axis] - 1 - other * end - offset) / own)
            sides.append(slice(int(np.ceil(first - 1e-6)), int(np.floor(last + 1e-6)) + 1))
        if any(side.start >= side.stop for side in sides):
            raise InputError(
                f"the planes share no pixel once they are registered ({self.reason}); "
                "check that they show one scene, or rotation_scale registration off."
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
    def from_dict(cls, told: Mapping[str, Any]) -> Registration:
        """Return the registration that a mapping from `to_dict` tells of.

        Raises
        ------
        InputError
            If something is missing, not a number, or no matrix that a registration could have.

        Examples
        --------
        >>> Registration.from_dict({"matrices": []})
        Traceback (most recent call last):
        napari_focusstack.errors.InputError: the registration has no size; save it anew.
        """
        for key in ("size", "model", "matrices"):
            if not isinstance(told, dict) or not told.get(key):
                raise InputError(f"the registration has no {key}; save it anew.")
        size, model = told["size"], told["model"]
        if model not in get_args(Model):
            raise InputError(
                f"the registration's model is {model!r}; choose one of "
                f"{', '.join(get_args(Model))}."
            )
        if (
            not isinstance(size, list | tuple)
            or len(size) != 2
            or not all(type(side) is int and side > 0 for side in size)
        ):
            raise InputError(f"the registration's size is {size!r}; give rows and columns.")
        if not isinstance(told["matrices"], list | tuple):
            raise InputError("the registration's matrices are no list; save it anew.")
        matrices = tuple(_read(each, number) for number, each in enumerate(told["matrices"], 1))
        return cls(matrices, (size[0], size[1]), model, str(told.get("reason", "")))

    def save(self, path: str | Path) -> None:
        """Write the registration as JSON, whole or not at all; InputError if that fails."""
        from napari_focusstack.files import write_text

        write_text(path, json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Registration:
        """Read what `save` wrote; InputError if it cannot be read or is something else."""
        try:
            told = json.loads(Path(path).read_text("utf-8"))
        except OSError as error:
            raise InputError(f"cannot read {path} ({error.strerror or error}).") from error
        except ValueError as error:
            raise InputError(f"{path} is no JSON; give a saved registration.") from error
        return cls.from_dict(told)

    def _matrix(self, number: int) -> Matrix:
        if not 1 <= number <= len(self.matrices):
            raise InputError(f"there is no plane {number}; choose 1 to {len(self.matrices)}.")
        return self.matrices[number - 1]

    def _check_size(self, plane: np.ndarray, number: int) -> None:
        if tuple(plane.shape[:2]) != self.size:
            raise InputError(
                f"plane {number} is {' x '.join(map(str, plane.shape[:2]))} px, the registration "
                f"of {self.size[0]} x {self.size[1]} px; register the stack anew."
            )


def _read(told: Any, number: int) -> Matrix:
    """Return a matrix from JSON, or say of which plane it is none."""
    try:
        matrix = np.array(told, float)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    # Half to double size and less than an eighth of a rotation_scale: more is no drift.
    usable = (
        matrix.shape == (3, 3)
        and np.isfinite(matrix).all()
        and (matrix[2] == (0, 0, 1)).all()
        and min(matrix[0, 0], matrix[1, 1]) >= 0.5
        and 0.25 <= np.linalg.det(matrix) <= 4
    )
    if not usable:
        raise InputError(
            f"the registration of plane {number} is no 3 x 3 matrix of a drift; save it anew."
        )
    return tuple((row[0], row[1], row[2]) for row in matrix.tolist())
