"""Writing of one image as JPEG, with its record as a comment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping


JPEG_SUFFIXES = (".jpg", ".jpeg")
#: Quality at which no difference is visible (convention), and the most that a comment holds, bytes.
QUALITY, MAX_COMMENT_BYTES = 95, 65533


def write_jpeg(
    path: str | Path, image: np.ndarray, *, record: Mapping[str, Any] | None = None
) -> None:
    """Write a grey or RGB image of 8 bits, compressed with loss.

    Parameters
    ----------
    path : path
        Ends in .jpg or .jpeg.
    image : ndarray of uint8, (Y, X) or (Y, X, 3)
        Pixels as the screen shows them.
    record : mapping, optional
        From `napari_focusstack.provenance.record`; `read_record` reads it. A record of more than
        64 kB does not fit, and is left out.

    Raises
    ------
    InputError
        If the name cannot be written to, or the image is of another type or shape.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "fused.jpg"
    >>> write_jpeg(path, np.zeros((32, 48), np.uint8))
    >>> path.stat().st_size > 0
    True
    """
    from PIL import Image

    path = Path(path)
    check_writable(path, suffixes=JPEG_SUFFIXES)
    if image.dtype != np.uint8 or image.shape[2:] not in ((), (3,)):
        raise InputError(
            f"{path} cannot hold {image.dtype} {image.shape}; give uint8, (Y, X) or (Y, X, 3)."
        )
    comment = b"" if record is None else json.dumps(record, allow_nan=False).encode("ascii")
    if len(comment) > MAX_COMMENT_BYTES:
        comment = b""
    with replacing(path) as temporary:
        picture = Image.fromarray(np.ascontiguousarray(image))
        picture.save(temporary, "JPEG", quality=QUALITY, subsampling=0, comment=comment)
