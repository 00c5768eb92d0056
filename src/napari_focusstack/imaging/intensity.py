"""From pixel values to light and back: the imaging model holds in linear light only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


IntensityChoice = Literal["auto", "linear", "srgb"]
Coding = Literal["linear", "srgb"]
#: Value of full brightness in sRGB coding.
PEAK = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
#: Share of pixels that the display range of linear data may cut at either end.
DISPLAY_TAIL = 0.001


@dataclass(frozen=True)
class Intensity:
    """How the pixel values of one focal stack stand for light.

    Parameters
    ----------
    coding : {"linear", "srgb"}
        Whether values are proportional to light, or coded as sRGB as photographs are.
    dtype : str
        ``uint8``, ``uint16`` or ``float32``.
    low, high : float
        Values of no light and full light. The model is indifferent to an offset and a gain, so for
        linear data this is the range of the stack.
    dark, bright : float
        The range shown to the networks, in light.
    """

    coding: Coding
    dtype: str
    low: float
    high: float
    dark: float = 0.0
    bright: float = 1.0

    @classmethod
    def of(cls, planes: Sequence[np.ndarray], choice: IntensityChoice = "auto") -> Intensity:
        """Find the coding of a focal stack.

        Parameters
        ----------
        planes : sequence of ndarray
            Shape (Y, X) or (Y, X, 3) each, of one dtype.
        choice : {"auto", "linear", "srgb"}
            ``auto`` takes 8-bit RGB for sRGB, as photographs are, and all else for linear, as
            scientific cameras record.

        Returns
        -------
        Intensity

        Raises
        ------
        InputError
            If choice is another word, or floats that shall be sRGB leave 0..1.

        Examples
        --------
        >>> Intensity.of([np.zeros((4, 4, 3), np.uint8)]).coding
        'srgb'
        """
        first = planes[0]
        if choice not in ("auto", "linear", "srgb"):
            raise InputError(f"intensity is {choice!r}; choose auto, linear or srgb.")
        if choice == "auto":
            choice = "srgb" if first.dtype == np.uint8 and first.ndim == 3 else "linear"
        dtype = str(first.dtype)
        ends = [(float(values.min()), float(values.max())) for values in map(_values, planes)]
        low, high = min(end[0] for end in ends), max(end[1] for end in ends)
        if choice == "srgb":
            if low < 0 or high > PEAK[dtype]:
                raise InputError(
                    f"the planes span {low:g}..{high:g}, but floats coded as sRGB lie in 0..1; "
                    "rescale them, or choose intensity linear."
                )
            return cls("srgb", dtype, 0.0, PEAK[dtype])
        linear = cls("linear", dtype, low, high if high > low else low + 1)
        sample = np.concatenate([_values(plane)[::4, ::4].ravel() for plane in planes])
        dark, bright = np.quantile(sample, [DISPLAY_TAIL, 1 - DISPLAY_TAIL])
        span = linear.high - low
        if bright <= dark:
            return linear
        return cls("linear", dtype, low, linear.high, (dark - low) / span, (bright - low) / span)

    def to_light(self, plane: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
        """Return a plane as linear light, (C, Y, X) float32, 0..1."""
        if self.dtype == "float32":
            return self._light(torch.from_numpy(np.atleast_3d(plane))).permute(2, 0, 1).to(device)
        # each of few values is turned into light once
        light = self._table[np.atleast_3d(plane).transpose(2, 0, 1)]
        return torch.from_numpy(light).to(device)

    @cached_property
    def _table(self) -> np.ndarray:
        """Light of each whole number that a pixel may hold."""
        values = torch.arange(np.iinfo(self.dtype).max + 1, dtype=torch.float32)
        return self._light(values).numpy()

    def _light(self, values: Tensor) -> Tensor:
        light = (values - self.low) / (self.high - self.low)
        return srgb_to_linear(light) if self.coding == "srgb" else light

    def display(self, plane: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
        """Return a plane as networks see it: (3, Y, X), sRGB-coded, 0..1."""
        if self.coding == "linear":
            return self.to_display(self.to_light(plane, device))
        values = torch.from_numpy(np.atleast_3d(plane).astype(np.float32)).to(device)
        coded = (values / self.high).permute(2, 0, 1).contiguous()
        return coded.expand(3, -1, -1)

    def from_light(self, light: Tensor) -> np.ndarray:
        """Return pixel values (..., C) of the stack's dtype from light (C, ...), 0..1."""
        values = linear_to_srgb(light.clamp(0, 1)) if self.coding == "srgb" else light.clamp(0, 1)
        values = values.movedim(0, -1).double() * (self.high - self.low) + self.low
        if self.dtype != "float32":
            values = values.round()
        return values.cpu().numpy().astype(self.dtype)

    def to_display(self, light: Tensor) -> Tensor:
        """Return light (C, Y, X) as networks see it: (3, Y, X), sRGB-coded, 0..1."""
        shown = ((light - self.dark) / (self.bright - self.dark)).clamp(0, 1)
        return linear_to_srgb(shown).expand(3, -1, -1)


def _values(plane: Any) -> np.ndarray:
    """Return a plane's pixels, of which many may lie on disk."""
    return np.asarray(plane[:, :])
