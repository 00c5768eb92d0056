"""From views to pictures: each plane is the mean of all views, shifted as its distance asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Width of the border in which views fade to their mean colour, so that none runs round, px.
FADE_PX = 8


def optics_mtf(side_px: int, spread_px: float) -> np.ndarray:
    """Return what a sensor and a lens in focus leave of each frequency, (side, side // 2 + 1).

    A pixel collects light over its square; diffraction and glass spread it like a Gaussian of
    ``spread_px``. Nothing is left at half a cycle per pixel and beyond, so pictures do not alias.
    """
    y, x = fft.fftfreq(side_px)[:, None], fft.rfftfreq(side_px)[None]
    left = np.sinc(x) * np.sinc(y) * np.exp(-2 * (np.pi * spread_px) ** 2 * (x**2 + y**2))
    if side_px % 2 == 0:
        left[side_px // 2] = 0
        left[:, side_px // 2] = 0
    mtf: np.ndarray = left.astype(np.float32)
    return mtf


def even_offsets(count: int, generator: np.random.Generator) -> np.ndarray:
    """Return places within a pixel, (count, 2), -0.5..0.5, spread evenly and in random order.

    Views that look at different places of their pixels have different aliases, which cancel.
    """
    plastic = 1.32471795724474602596
    steps = np.array([1 / plastic, 1 / plastic**2])
    places = np.mod(0.5 + np.arange(1, count + 1)[:, None] * steps, 1.0) - 0.5
    shuffled: np.ndarray = generator.permutation(places)
    return shuffled


class Refocuser:
    """Gathers views and gives the pictures of several planes.

    Parameters
    ----------
    side_px : int
        Side of the views, px.
    spread_px : float
        See :func:`optics_mtf`.
    base : ndarray, (3,)
        Colour that views fade to at the border.
    """

    def __init__(self, side_px: int, spread_px: float, base: np.ndarray) -> None:
        self.side_px = side_px
        self.base = base.astype(np.float32)
        self._mtf = optics_mtf(side_px, spread_px)
        self._y = (-2j * np.pi * fft.fftfreq(side_px)).astype(np.complex64)
        self._x = (-2j * np.pi * fft.rfftfreq(side_px)).astype(np.complex64)
        fade = np.clip((np.arange(side_px) + 0.5) / FADE_PX, 0, 1)
        fade = np.sin(np.pi / 2 * np.minimum(fade, fade[::-1])) ** 2
        self._window = (fade[:, None] * fade).astype(np.float32)[..., None]

    def mean(self, views: Iterable[np.ndarray], shifts_px: Sequence[np.ndarray]) -> np.ndarray:
        """Average views after shifting them.

        Parameters
        ----------
        views : iterable of ndarray, (side, side, 3)
            Linear light.
        shifts_px : sequence of ndarray, (P, 3, 2)
            For each view: by how much it is shifted for each plane and channel, x then y, px.

        Returns
        -------
        ndarray, (P, side, side, 3), float32
        """
        total: np.ndarray | None = None
        for view, shift in zip(views, shifts_px, strict=True):
            faded = (view - self.base) * self._window
            spectrum = fft.rfft2(np.moveaxis(faded, -1, 0))
            along_y = np.exp(self._y * shift[..., 1, None].astype(np.float32))
            along_x = np.exp(self._x * shift[..., 0, None].astype(np.float32))
            if total is None:
                total = np.zeros((*shift.shape[:2], *spectrum.shape[1:]), np.complex64)
            if (shift == shift[:, :1]).all():
                phase = along_y[:, :1, :, None] * along_x[:, :1, None, :]
                total += phase * spectrum
            else:
                total += spectrum * along_y[..., None] * along_x[..., None, :]
        assert total is not None
        pictures = fft.irfft2(total * (self._mtf / len(shifts_px)), (self.side_px, self.side_px))
        pictures_last: np.ndarray = np.moveaxis(pictures, 1, -1) + self.base
        return pictures_last
