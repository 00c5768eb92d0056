"""Number types of pixels: one rule for files, arrays and layers.

A type is taken where nothing is lost: each value keeps its number, from the planes to the result.
Results have the type of the planes. Only bool becomes float32, because a computed pixel may lie
between 0 and 1. Types that a format of files lacks are written as a wider one.
"""

from __future__ import annotations

import numpy as np

from napari_focusstack.errors import InputError

#: Types of planes that are taken.
TAKEN = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64"),
)
#: Types of results whose pixels name a plane or count something.
WHOLE_NUMBERS = (np.uint8, np.uint16, np.uint32)
#: Greatest whole number up to which float64, in which light is computed, has all of them.
GREATEST = 2**53
#: Greatest float: that of float32.
GREATEST_FLOAT = float(np.finfo(np.float32).max)
#: Ends of the floats whose squares, times the pixels of a window, float32 holds. Where planes reach
#: further, or not as far as the first, steps compute in float64.
LEAST_SQUARED, GREATEST_SQUARED = 1e-17, 1e17
#: Types that OME-TIFF lacks, and the wider ones that they are written as.
WIDER = {"float16": "float32", "int64": "float64", "uint64": "float64"}
#: Types that OpenCV computes with.
_OPENCV = ("uint8", "uint16", "float32", "float64")


def taken_type(dtype: np.dtype, what: str) -> np.dtype:
    """Return the type that planes of a type are taken as, in the machine's byte order.

    Parameters
    ----------
    dtype : dtype
        Of the pixels.
    what : str
        What has this type, for the message.

    Raises
    ------
    InputError
        If it is none of :data:`TAKEN`.

    Examples
    --------
    >>> taken_type(np.dtype(">i2"), "plane 1"), taken_type(np.dtype(bool), "plane 1")
    (dtype('int16'), dtype('float32'))
    """
    if dtype.name not in TAKEN:
        raise InputError(f"{what} is of type {dtype}; give one of {', '.join(TAKEN)}.")
    return np.dtype(np.float32) if dtype.kind == "b" else dtype.newbyteorder("=")


def check_values(values: np.ndarray, what: str) -> None:
    """Raise InputError if values are lost where light is computed.

    Whole numbers may be up to :data:`GREATEST`, floats up to :data:`GREATEST_FLOAT`.

    Examples
    --------
    >>> check_values(np.array([2**60]), "plane 1")  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    napari_focusstack.errors.InputError: plane 1 holds 1152921504606846976, whole numbers are exact
    up to 9007199254740992 only; subtract an offset.
    """
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and values.size:
        for value in (int(values.max()), int(values.min())):
            if abs(value) > GREATEST:
                raise InputError(
                    f"{what} holds {value}, whole numbers are exact up to {GREATEST} only; "
                    "subtract an offset."
                )
    if values.dtype.kind == "f" and values.dtype.itemsize >= 4:
        greatest = float(np.abs(values[np.isfinite(values)]).max(initial=0))
        if greatest > GREATEST_FLOAT:
            raise InputError(
                f"{what} holds values up to {greatest:.3g}, beyond the range of float32; divide "
                f"them by a constant, to {GREATEST_FLOAT:.3g} at most."
            )


def full_scale(dtype: str | np.dtype) -> float:
    """Return the value of full light: the greatest whole number of a type; 1 of floats.

    Examples
    --------
    >>> full_scale("uint8"), full_scale("float32")
    (255.0, 1.0)
    """
    dtype = np.dtype(dtype)
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def written_type(dtype: np.dtype) -> np.dtype:
    """Return the type that an image of a type has in a file: as it is, or a wider one.

    Examples
    --------
    >>> written_type(np.dtype("float16"))
    dtype('float32')
    """
    return np.dtype(WIDER.get(dtype.name, dtype.name))


def number_type(count: int) -> np.dtype:
    """Return the smallest type of arrays that hold the numbers 0 to count, such as of planes.

    Examples
    --------
    >>> number_type(255), number_type(256)
    (dtype('uint8'), dtype('uint16'))
    """
    return np.dtype(next(kind for kind in WHOLE_NUMBERS if count <= np.iinfo(kind).max))


def as_opencv(pixels: np.ndarray) -> np.ndarray:
    """Return pixels in a type that OpenCV computes with: as they are, or a wider one."""
    if pixels.dtype.name in _OPENCV and not _exceeds_float32(pixels):
        return pixels
    return pixels.astype(np.float32 if pixels.dtype.itemsize < 4 else np.float64)


def as_floats(pixels: np.ndarray) -> np.ndarray:
    """Return pixels as floats: float32 where that has their values and squares, else float64.

    Examples
    --------
    >>> as_floats(np.float32([1, 2])).dtype, as_floats(np.float32([1, 2e38])).dtype
    (dtype('float32'), dtype('float64'))
    """
    is_narrow = pixels.dtype.itemsize <= 2 or pixels.dtype == np.float32
    narrow = is_narrow and not _exceeds_float32(pixels)
    return pixels.astype(np.float32 if narrow else np.float64, copy=False)


def to_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return computed values in the type of a plane: limited to its range, whole ones rounded.

    Examples
    --------
    >>> to_type(np.array([-3.2, 1.6, 300]), np.dtype("uint8"))
    array([  0,   2, 255], dtype=uint8)
    """
    if dtype.kind in "iu":
        # An integer of 64 bits beyond this is not exact as a float.
        low, high = (np.clip(end, -GREATEST, GREATEST) for end in _ends(dtype))
        values = np.clip(np.rint(values), low, high)
    elif dtype.itemsize < values.dtype.itemsize:
        most = np.finfo(dtype).max
        values = np.clip(values, -most, most)
    return values.astype(dtype, copy=False)


def _exceeds_float32(pixels: np.ndarray) -> bool:
    """Return whether float32 has pixels but not their squares."""
    if pixels.dtype != np.float32 or not pixels.size:
        return False
    ends = np.fmin.reduce(pixels, axis=None), np.fmax.reduce(pixels, axis=None)
    greatest = float(np.abs(ends).max())
    return greatest > GREATEST_SQUARED or 0 < greatest < LEAST_SQUARED


def _ends(dtype: np.dtype) -> tuple[int, int]:
    """Return the least and the greatest whole number of a type."""
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
