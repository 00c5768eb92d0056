"""Conversion of pixel values to linear light and back.

The imaging model holds for linear light only, and the networks read display coding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.filters.opencv import look_up, split_channels
from napari_focusstack.imaging.number_types import as_floats, full_scale, to_type
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


IntensityChoice = Literal["auto", "linear", "srgb"]
Coding = Literal["linear", "srgb"]
#: Share of pixels that the display range of linear data clips at each end. Convention.
DISPLAY_TAIL = 0.001


@dataclass(frozen=True)
class Intensity:
    """The coding of one focal stack: how its pixel values stand for light.

    Parameters
    ----------
    coding : {"linear", "srgb"}
        Whether values are proportional to light, or coded as sRGB as photographs are.
    dtype : str
        One of `napari_focusstack.imaging.number_types.TAKEN`, except bool.
    low, high : float
        Pixel values of no light (0) and full light (1). The imaging model allows any offset and
        gain, so for linear data this is the range of the stack.
    dark, bright : float
        Range of light that display coding maps to 0..1.
    """

    coding: Coding
    dtype: str
    low: float
    high: float
    dark: float = 0.0
    bright: float = 1.0

    @classmethod
    def of(cls, planes: Sequence[np.ndarray], choice: IntensityChoice = "auto") -> Intensity:
        """Determine the coding of a focal stack.

        Parameters
        ----------
        planes : sequence of ndarray
            Shape (Y, X) or (Y, X, 3) each, of one dtype.
        choice : {"auto", "linear", "srgb"}
            ``auto`` reads 8-bit RGB as sRGB, because photographs are coded so. It reads all other
            planes as linear, because scientific cameras record light.

        Returns
        -------
        Intensity

        Raises
        ------
        InputError
            If choice is none of these, or if values with ``srgb`` are negative or, as floats,
            exceed 1.

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
        ends = [(float(values.min()), float(values.max())) for values in map(_all_pixels, planes)]
        low, high = min(end[0] for end in ends), max(end[1] for end in ends)
        if choice == "srgb":
            peak = full_scale(dtype)
            if low < 0 or high > peak:
                raise InputError(
                    f"the planes span {low:g}..{high:g}, but {dtype} coded as sRGB lies in "
                    f"0..{peak:g}; rescale them, or choose intensity linear."
                )
            return cls("srgb", dtype, 0.0, peak)
        linear = cls("linear", dtype, low, high if high > low else low + 1)
        parts = [_all_pixels(plane)[::4, ::4].ravel() for plane in planes]
        sample = np.concatenate(parts).astype(np.float64)
        dark, bright = np.quantile(sample, [DISPLAY_TAIL, 1 - DISPLAY_TAIL])
        span = linear.high - low
        if bright <= dark:
            return linear
        return cls("linear", dtype, low, linear.high, (dark - low) / span, (bright - low) / span)

    def to_light(self, plane: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
        """Return a plane as linear light, (C, Y, X) float32, 0..1."""
        return self._converted(plane, self._light).to(device)

    def _converted(self, plane: np.ndarray, convert: Callable[[np.ndarray], Tensor]) -> Tensor:
        """Return a plane (Y, X) or (Y, X, C) as (C, Y, X), each value converted."""
        channels = np.atleast_3d(plane)
        if channels.dtype.itemsize > 2:
            return convert(channels.transpose(2, 0, 1)).contiguous()
        # a table: each of the few possible values is converted once
        if convert.__name__ not in self._tables:
            self._tables[convert.__name__] = convert(self._every_value).numpy()
        table = self._tables[convert.__name__]
        converted = np.empty((channels.shape[2], *channels.shape[:2]), np.float32)
        index = channels.view(f"u{channels.dtype.itemsize}")
        for channel, image in zip(split_channels(index), converted, strict=True):
            look_up(table, channel, image)
        return torch.from_numpy(converted)

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        """What each value of a type of 8 or 16 bits is converted to, by the conversion's name."""
        return {}

    @property
    def _every_value(self) -> np.ndarray:
        """Each value of a type of 8 or 16 bits, in the order of its bits read as a whole number."""
        dtype = np.dtype(self.dtype)
        return np.arange(2 ** (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}").view(dtype)

    def _light(self, values: np.ndarray) -> Tensor:
        """Return pixel values of any shape as linear light."""
        light = self._scaled(values)
        return srgb_to_linear(light) if self.coding == "srgb" else light

    def _scaled(self, values: np.ndarray) -> Tensor:
        """Return pixel values of any shape scaled to 0..1."""
        return ((torch.from_numpy(as_floats(values)) - self.low) / (self.high - self.low)).float()

    def display(self, plane: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
        """Return a plane in display coding, as networks read it: (3, Y, X), sRGB, 0..1."""
        if self.coding == "srgb":
            return self.coded(plane, device).expand(3, -1, -1)
        return self._converted(plane, self._displayed).to(device).expand(3, -1, -1)

    def _displayed(self, values: np.ndarray) -> Tensor:
        """Return pixel values of any shape, of linear light, in display coding."""
        return self._stretched(self._light(values))

    def coded(self, plane: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
        """Return a plane as it is coded, (C, Y, X) float32, 0..1: pixel values scaled."""
        return self._converted(plane, self._scaled).to(device)

    def from_coded(self, coded: Tensor) -> np.ndarray:
        """Return pixel values (..., C) of the stack's dtype from those of :meth:`coded`."""
        return self._values(coded.clamp(0, 1))

    def from_light(self, light: Tensor) -> np.ndarray:
        """Return pixel values (..., C) of the stack's dtype from light (C, ...), 0..1."""
        light = light.clamp(0, 1)
        return self._values(linear_to_srgb(light) if self.coding == "srgb" else light)

    def _values(self, coded: Tensor) -> np.ndarray:
        """Return pixel values (..., C) from coded ones (C, ...), 0..1."""
        values = coded.movedim(0, -1).double() * (self.high - self.low) + self.low
        return to_type(values.cpu().numpy(), np.dtype(self.dtype))

    def to_display(self, light: Tensor) -> Tensor:
        """Return light (C, Y, X) in display coding: (3, Y, X), sRGB, 0..1."""
        return self._stretched(light).expand(3, -1, -1)

    def _stretched(self, light: Tensor) -> Tensor:
        """Return light of any shape in display coding, 0..1."""
        return linear_to_srgb(((light - self.dark) / (self.bright - self.dark)).clamp(0, 1))


def _all_pixels(plane: Any) -> np.ndarray:
    """Return all pixels of a plane, which may be on disk."""
    return np.asarray(plane[:, :])
