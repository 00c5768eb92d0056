"""The colours in which a layer shows pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Image


@dataclass(frozen=True, eq=False)
class Look:
    """Contrast and colours of a layer, without the layer, so that threads can use them.

    Parameters
    ----------
    limits : tuple of float
        Values that are shown as the first and as the last colour.
    gamma : float
        Exponent of the share between them.
    table : ndarray of uint8, (256, 3)
        Colours of the colour map.
    """

    limits: tuple[float, float]
    gamma: float
    table: np.ndarray

    @classmethod
    def of(cls, layer: Image) -> Look:
        """Return the look of a layer."""
        low, high = layer.contrast_limits
        table = layer.colormap.map(np.linspace(0, 1, 256))[:, :3] * 255
        return cls((float(low), float(high)), float(layer.gamma), table.astype(np.uint8))

    def colours(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels as they are shown; RGB has no contrast limits in napari.

        Parameters
        ----------
        pixels : ndarray
            Shape (Y, X) or (Y, X, 3).

        Returns
        -------
        ndarray of uint8, (Y, X, 3)
        """
        if pixels.ndim == 3:
            if pixels.dtype == np.uint8:
                return np.ascontiguousarray(pixels[..., :3])
            top = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1.0
            return (pixels[..., :3] * np.float32(255 / top)).clip(0, 255).astype(np.uint8)
        low, high = self.limits
        share = (pixels.astype(np.float32) - low) / max(high - low, 1e-12)
        share = np.nan_to_num(share).clip(0, 1) ** self.gamma
        colours: np.ndarray = self.table[(share * 255).astype(np.uint8)]
        return colours
