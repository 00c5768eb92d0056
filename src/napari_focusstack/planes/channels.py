"""Channels of one focal stack, combined to estimate focus from all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import as_floats, taken_type, to_type
from napari_focusstack.planes.shown import masked, shown_by

if TYPE_CHECKING:
    from collections.abc import Sequence


def mixed_planes(channels: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Return the mean of channels, plane by plane, to estimate focus from the structure of all.

    Parameters
    ----------
    channels : sequence of sequences of ndarray
        The planes of each channel, (Y, X) or (Y, X, 3), of any type of number.

    Returns
    -------
    list of ndarray
        Mean of the channels, in the type of the first, masked where a channel does not show the
        pixel. Each channel is scaled so that its maximum equals that of the first.

    Raises
    ------
    InputError
        If the channels differ in number or shape of planes.

    Examples
    --------
    >>> weak, bright = np.array([[[0, 8]]], np.uint8), np.array([[[200, 0]]], np.uint8)
    >>> mixed_planes([weak, bright])[0].tolist()
    [[4, 4]]
    """
    first = channels[0]
    shapes = {(len(channel), channel[0].shape) for channel in channels}
    if len(shapes) > 1:
        raise InputError(
            f"the channels differ in number and size of planes: {sorted(shapes)}; choose those of "
            "one stack."
        )
    peaks = [max(_greatest(plane) for plane in channel) for channel in channels]
    gains = [peaks[0] / peak / len(channels) if peak > 0 else 0.0 for peak in peaks]
    dtype = taken_type(first[0].dtype, "channel 1")
    mixed = []
    for planes in zip(*channels, strict=True):
        light = [gain * as_floats(plane) for gain, plane in zip(gains, planes, strict=True)]
        shown = [mask for mask in map(shown_by, planes) if mask is not None]
        plane = to_type(np.sum(np.nan_to_num(light) if shown else light, 0), dtype)
        mixed.append(masked(plane, np.logical_and.reduce(shown)) if shown else plane)
    return mixed


def _greatest(plane: np.ndarray) -> float:
    """Return the greatest value that a plane shows."""
    shown = shown_by(plane)
    values = np.asarray(plane)
    return float(values.max() if shown is None else values[shown].max(initial=0))
