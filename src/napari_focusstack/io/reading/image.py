"""Reading of images and labels without any change of pixel values."""

from __future__ import annotations

import contextlib
import math
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from natsort import natsort_keygen, ns

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import taken_type
from napari_focusstack.io.reading.formats.dispatch import (
    FILE_SUFFIXES,
    has_reader,
    read_plane,
    series_of,
)
from napari_focusstack.io.reading.photo_metadata import orientation, upright
from napari_focusstack.io.reading.tiff_pages import TIFF_SIGNATURES, tiff_planes
from napari_focusstack.planes.shown import masked_by_alpha, without_alpha
from napari_focusstack.runtime.paths import check_file, status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


#: Suffixes of images that need no reader of their own.
PLAIN_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".webp", ".bmp")
#: Suffixes of images that are read.
IMAGE_SUFFIXES = (*PLAIN_SUFFIXES, *FILE_SUFFIXES)
#: Greatest difference between the channels of a mask saved as RGB, grey levels. Convention: lossy
#: formats change soft edges by less.
GREY_TOLERANCE = 8


def read_image(path: str | Path) -> np.ndarray:
    """Read one plane.

    Parameters
    ----------
    path : path
        JPEG, PNG, TIFF, WebP or BMP file, or a file of one plane that a reader in
        `napari_focusstack.io.reading.formats` takes, such as a camera's raw file or HEIC.

    Returns
    -------
    ndarray, (Y, X) or (Y, X, 3)
        Stored pixels, of one of `napari_focusstack.imaging.number_types.TAKEN`; bool as float32.
        Values are not rescaled. A picture is turned as its EXIF orientation demands. An alpha
        channel is dropped; where it is not opaque the array is masked (a NumPy masked array).

    Raises
    ------
    InputError
        If the file is missing, empty, cut short, not an image, holds more than one plane, or has
        another dtype.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "near.tif"
    >>> tifffile.imwrite(path, np.zeros((32, 48, 3), np.uint8), photometric="rgb")
    >>> read_image(path).shape
    (32, 48, 3)
    """
    path = Path(path)
    return as_image(_single_plane(path), path)


def read_labels(path: str | Path) -> np.ndarray:
    """Read a label image or a mask.

    Parameters
    ----------
    path : path
        Image file with integers, grey or RGB without colour. Hand-made masks are often saved as
        RGB. Their channels may differ by up to 8 grey levels; the first one is returned.

    Returns
    -------
    ndarray, (Y, X)
        Labels in the integer dtype of the file; a one-bit mask as uint8. They are the numbers that
        a TIFF stores, whatever colours it shows them in.

    Raises
    ------
    InputError
        If the file cannot be read, is coloured, or does not hold integers.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "labels.tif"
    >>> tifffile.imwrite(path, np.eye(4, dtype=np.int32) + 1)
    >>> read_labels(path)[0]
    array([2, 1, 1, 1], dtype=int32)
    """
    path = Path(path)
    labels = _without_alpha(_single_plane(path, as_shown=False), path)
    if np.ma.is_masked(labels):
        raise InputError(f"{path} has transparent pixels; save labels as grey without alpha.")
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    if labels.dtype.kind not in "ui":
        raise InputError(f"{path} has dtype {labels.dtype}; save labels as integers.")
    if labels.ndim == 3:
        if np.ptp(labels, axis=2).max() > GREY_TOLERANCE:
            raise InputError(f"{path} is coloured, not a label image; save its labels as grey.")
        labels = labels[..., 0]
    return np.ascontiguousarray(labels)


def images_in(folder: Path) -> list[Path]:
    """Return the images of a folder in natural order; raise InputError if it holds none."""
    with reading(folder):
        paths = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in IMAGE_SUFFIXES
            and not path.name.startswith(".")
            and path.is_file()
        ]
    if not paths:
        raise InputError(f"{folder} holds no images; expected {', '.join(PLAIN_SUFFIXES)} files.")
    return in_natural_order(paths)


def written_twice(paths: Iterable[Path]) -> list[Path]:
    """Return files that need a reader and lie beside a picture of their name.

    Cameras and phones write some pictures twice, as DSC_1.NEF beside DSC_1.JPG.
    """
    is_plain = {path: path.suffix.lower() in PLAIN_SUFFIXES for path in paths}
    names = {path.stem for path, plain in is_plain.items() if plain}
    return [path for path, plain in is_plain.items() if not plain and path.stem in names]


def in_natural_order(paths: Iterable[Path]) -> list[Path]:
    """Return files sorted by name, numbers in it by their value: z2 before z10."""
    natural_order = natsort_keygen(alg=ns.IGNORECASE)
    return sorted(paths, key=lambda path: (natural_order(path.name), path.name))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise InputError instead of any exception of a codec if a file cannot be read."""
    try:
        yield
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); ask its owner.") from error
    except Exception as error:  # codecs raise exceptions of many classes
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} cannot be read, it may be cut short or damaged ({reason}); "
            "copy or export it again."
        ) from error


def _single_plane(path: Path, *, as_shown: bool = True) -> np.ndarray:
    """Return the plane of a file, see `tiff_planes`; InputError if there are several."""
    planes = _decode(path, as_shown=as_shown)
    if len(planes) != 1:
        raise InputError(f"{path} holds {len(planes)} planes where one is expected; extract one.")
    return upright(planes[0], orientation(path))


def as_image(plane: np.ndarray, path: Path) -> np.ndarray:
    """Return a plane without alpha, masked where it is not opaque; InputError if unusable."""
    colours = _without_alpha(plane, path)
    return colours.astype(taken_type(colours.dtype, str(path)), order="C", copy=False)


def has_alpha(path: Path) -> bool:
    """Return whether an image file has an alpha channel, from its header."""
    if has_reader(path):
        series = series_of(path)[0]
        return series.axes.endswith("S") and series.shape[-1] in (2, 4)
    with reading(path), path.open("rb") as file:
        if file.read(4).startswith(TIFF_SIGNATURES):
            from tifffile import TiffFile

            with TiffFile(path) as tiff:
                return tiff.pages.first.samplesperpixel in (2, 4)
        from PIL import Image

        with Image.open(path) as image:
            return image.mode in ("LA", "RGBA", "RGBa")


def _without_alpha(plane: np.ndarray, path: Path) -> np.ndarray:
    """Return a plane as (Y, X) or (Y, X, 3), masked where the alpha channel is not opaque."""
    if plane.ndim == 3 and plane.shape[2] == 2:
        plane = masked_by_alpha(plane[..., 0], plane[..., 1])
    plane = without_alpha(plane)
    if plane.ndim == 3 and plane.shape[2] == 1:
        plane = plane[..., 0]
    if plane.ndim == 3 and plane.shape[2] != 3:
        raise InputError(f"{path} has {plane.shape[2]} channels; save it as grey or RGB.")
    return plane


def _decode(path: Path, *, as_shown: bool) -> list[np.ndarray]:
    """Return all planes of a file; the content decides the format, not the suffix."""
    status(path)
    if has_reader(path):
        return [_read_single(path)]
    check_file(path)
    with reading(path):
        with path.open("rb") as file:
            start = file.read(12)
        if not start:
            raise InputError(f"{path} is empty (0 bytes); copy or export it again.")
        if start.startswith(TIFF_SIGNATURES):
            return tiff_planes(path, as_shown=as_shown)
        if start[:4] == b"\x89PNG":
            # Pillow would reduce 16-bit RGB to 8 bits without a warning.
            from imagecodecs import png_decode

            plane = png_decode(path.read_bytes())
            return [plane[..., 0] if plane.ndim == 3 and _has_grey_palette(path) else plane]
        if start[:2] in (b"\xff\xd8", b"BM") or (start[:4], start[8:]) == (b"RIFF", b"WEBP"):
            return [_pillow_plane(path)]
    raise InputError(f"{path} is not an image; give {', '.join(PLAIN_SUFFIXES)} files.")


def _read_single(path: Path) -> np.ndarray:
    """Return the plane of a file that has a reader; InputError if it holds several."""
    found = series_of(path)
    counts = [math.prod(one.shape[: one.axes.index("Y")]) for one in found]
    if sum(counts) != 1:
        raise InputError(
            f"{path} holds {sum(counts)} planes where one is expected; give it alone, or extract "
            "one plane."
        )
    return read_plane(path, found[0], {})


def _has_grey_palette(path: Path) -> bool:
    """Return whether an opaque PNG holds numbers of a palette without colour."""
    from PIL import Image

    with Image.open(path) as image:
        if image.mode != "P" or "transparency" in image.info:
            return False
        palette = np.array(image.getpalette()).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _pillow_plane(path: Path) -> np.ndarray:
    """Decode an image with Pillow, which raises on a truncated JPEG where imagecodecs does not."""
    from PIL import Image

    with Image.open(BytesIO(path.read_bytes())) as image:
        if image.mode == "CMYK":
            raise InputError(f"{path} is a CMYK picture; convert it to RGB.")
        return np.asarray(image.convert("RGB") if image.mode == "P" else image)
