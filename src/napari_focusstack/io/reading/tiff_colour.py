"""Colours of a TIFF: the picture that stored numbers stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries


#: Codings of colour that are not decoded, by the name of the TIFF tag's value.
UNREAD = {
    "SEPARATED": "CMYK",
    "CIELAB": "CIE L*a*b*",
    "ICCLAB": "ICC L*a*b*",
    "ITULAB": "ITU L*a*b*",
    "LOGL": "LogL",
    "LOGLUV": "LogLuv",
}


@dataclass(frozen=True, eq=False)
class TiffColour:
    """How the numbers of a series are turned into those of a picture.

    Parameters
    ----------
    palettes : ndarray, optional
        Colours of the numbers, (P, N) if all are grey, else (P, N, 3); one palette for each page,
        or one for all.
    white_is_zero : bool
        Whether 0 is white.
    bits : int
        Bits of a number.
    """

    palettes: np.ndarray | None = None
    white_is_zero: bool = False
    bits: int = 0

    @classmethod
    def of(cls, tiff: TiffFile, series: TiffPageSeries) -> TiffColour:
        """Return the colours of a series.

        Raises
        ------
        InputError
            If its coding of colour is none that is read.
        """
        from tifffile import COMPRESSION, PHOTOMETRIC

        page = series.keyframe
        coding = PHOTOMETRIC(page.photometric).name
        # Codecs of the JPEG family return RGB.
        if (
            coding == "YCBCR" and "JP" not in COMPRESSION(page.compression).name
        ) or coding in UNREAD:
            raise InputError(
                f"{tiff.filehandle.path} has its colours in {UNREAD.get(coding, 'YCbCr')}; convert "
                "it to RGB."
            )
        if coding == "PALETTE" and page.colormap is not None:
            tables = [_colormap(each) for each in series.pages if each is not None]
            first = tables[0]
            if all(np.array_equal(first, table) for table in tables):
                tables = [first]
            # ImageJ stores how a channel is shown. A table that is no such ramp is a picture's.
            if tiff.is_imagej and (np.diff(first.sum(0)) >= 0).all():
                return cls()
            return cls(_palettes(np.stack(tables)))
        # tifffile calls 0 white in each array of bool that it writes.
        is_mask = page.bitspersample == 1 and page.software.startswith("tifffile")
        return cls(None, coding == "MINISWHITE" and not is_mask, page.bitspersample)

    @property
    def is_rgb(self) -> bool:
        """Whether a pixel gets three values in place of one."""
        return self.palettes is not None and self.palettes.ndim == 3

    def dtype(self, stored: np.dtype) -> np.dtype:
        """Return the type of the picture, from that of the numbers."""
        return stored if self.palettes is None else self.palettes.dtype

    def decode(self, stored: np.ndarray, page: int | None = None) -> np.ndarray:
        """Return the picture of numbers.

        Parameters
        ----------
        stored : ndarray
            Numbers of one page, or of all pages one after the other.
        page : int, optional
            The page, from 0; all pages if not given.

        Returns
        -------
        ndarray
            Shape of the numbers, with 3 colours at the end if it :attr:`is_rgb`. Where 0 is white,
            the greatest number minus each: 1 minus it for floats, -1 minus it for signed integers.
        """
        if self.palettes is not None:
            if page is not None or len(self.palettes) == 1:
                palette = self.palettes[(page or 0) % len(self.palettes)]
                return palette[np.minimum(stored, len(palette) - 1)]
            pages = stored.reshape(len(self.palettes), -1)
            pictures = [self.decode(one, number) for number, one in enumerate(pages)]
            return np.stack(pictures).reshape(*stored.shape, *self.palettes.shape[2:])
        if not self.white_is_zero:
            return stored
        if stored.dtype.kind == "b":
            return ~stored
        greatest = {"u": 2**self.bits - 1, "i": -1}.get(stored.dtype.kind, 1)
        return np.subtract(stored.dtype.type(greatest), stored)


def _colormap(page: object) -> np.ndarray:
    """Return the palette of a page, (3, N)."""
    colormap = getattr(page, "colormap", None)
    if colormap is None:  # tifffile reads few tags of pages that resemble the first
        colormap = page.aspage().colormap  # type: ignore[attr-defined]
    return np.asarray(colormap)


def _palettes(tables: np.ndarray) -> np.ndarray:
    """Return palettes (P, 3, N) of 16 bits as (P, N, 3), or (P, N) if grey, of 8 bits if enough."""
    high, low = tables >> 8, tables & 255
    if (low == high).all() or (low == 0).all():
        tables = high.astype(np.uint8)
    elif (high == 0).all():  # some programs store 8 bits as they are
        tables = low.astype(np.uint8)
    grey = (tables == tables[:, :1]).all()
    return np.ascontiguousarray(tables[:, 0] if grey else tables.transpose(0, 2, 1))
