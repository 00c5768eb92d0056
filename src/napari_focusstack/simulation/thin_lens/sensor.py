"""What a camera and a stage add to clean planes: light, place, noise, clipping, coding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

#: What a camera without colours sees of red, green and blue.
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Defects:
    """Defects of one stack; all zero leaves the planes as they are.

    Parameters
    ----------
    exposure : float
        Factor of the light of all planes and of the truth; what exceeds 1 is clipped.
    drift_share : float
        By which the light changes from plane to plane, share of it (standard deviation of a walk).
    colour_drift_share : float
        The same for each channel on its own.
    breathing_share : float
        By which the last plane is magnified against the first.
    jitter_px : float
        By which planes are shifted, px (standard deviation).
    read_noise : float
        Standard deviation of the noise of dark pixels, of full scale, after coding.
    shot_noise : float
        Standard deviation of what light adds to it at full scale, after coding; it grows as the
        root of the light.
    grey : bool
        A camera without colours.
    bits : int
        8 or 16.
    jpeg_quality : int
        0 does not compress; 8 bits only.
    """

    exposure: float = 1.0
    drift_share: float = 0.0
    colour_drift_share: float = 0.0
    breathing_share: float = 0.0
    jitter_px: float = 0.0
    read_noise: float = 0.0
    shot_noise: float = 0.0
    grey: bool = False
    bits: int = 16
    jpeg_quality: int = 0


@dataclass(frozen=True)
class Exposures:
    """A stack as a camera delivers it, and what it would be without noise.

    Parameters
    ----------
    planes : ndarray, (P, Y, X, 3), float32
        Coded, 0..1, with all defects.
    clean : ndarray, (P, Y, X, 3), float32
        Without noise, rounding and compression.
    truth : ndarray, (Y, X, 3), float32
        Coded, as bright and grey as the first plane, in its place.
    """

    planes: np.ndarray
    clean: np.ndarray
    truth: np.ndarray


def expose(
    planes: np.ndarray, truth: np.ndarray, defects: Defects, generator: Generator
) -> Exposures:
    """Photograph clean planes with a faulty camera.

    Parameters
    ----------
    planes : ndarray, (P, Y, X, 3), uint16
        Coded as sRGB.
    truth : ndarray, (Y, X, 3), uint16
        The same.
    defects : Defects
        What is wrong.
    generator : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Exposures
    """
    stack = np.concatenate([planes, truth[None]]).astype(np.float32) / 65535
    gains = _gains(len(planes), defects, generator)
    if defects.grey or (gains != 1).any():
        light = _linear(stack)
        if defects.grey:
            light = (light @ LUMINANCE)[..., None].repeat(3, -1)
        stack = _coded((light * gains[:, None, None]).clip(0, 1))
    clean, true = stack[:-1], stack[-1]
    if defects.breathing_share or defects.jitter_px:
        clean = _moved(clean, defects, generator)
    return Exposures(_digitised(clean, defects, generator), clean, true)


def _gains(count: int, defects: Defects, generator: Generator) -> np.ndarray:
    """Return factors of the light of the planes and the truth, (P + 1, 3)."""
    common = generator.normal(0, 1, (count, 1)) * defects.drift_share
    own = generator.normal(0, 1, (count, 3)) * defects.colour_drift_share
    walk = np.cumsum(common + own, 0)
    walk -= walk[0]
    gains: np.ndarray = defects.exposure * np.exp(np.concatenate([walk, np.zeros((1, 3))]))
    return gains.astype(np.float32)


def _moved(planes: np.ndarray, defects: Defects, generator: Generator) -> np.ndarray:
    """Shift and magnify planes about their middle; the first stays."""
    count, height, width = planes.shape[:3]
    moved = [planes[0]]
    for k in range(1, count):
        scale = 1 + defects.breathing_share * k / (count - 1)
        shift = generator.normal(0, 1, 2) * defects.jitter_px
        matrix = np.array(
            [
                [scale, 0, (1 - scale) * (width - 1) / 2 + shift[0]],
                [0, scale, (1 - scale) * (height - 1) / 2 + shift[1]],
            ]
        )
        moved.append(
            cv2.warpAffine(
                planes[k],
                matrix,
                (width, height),
                flags=cv2.INTER_LANCZOS4,
                borderMode=cv2.BORDER_REFLECT,
            )
        )
    return np.stack(moved).clip(0, 1)


def _digitised(clean: np.ndarray, defects: Defects, generator: Generator) -> np.ndarray:
    """Add noise, round and compress."""
    planes = clean
    if defects.read_noise or defects.shot_noise:
        shape = (*clean.shape[:-1], 1 if defects.grey else clean.shape[-1])
        noise = generator.standard_normal(shape, dtype=np.float32)
        spread = np.sqrt(defects.read_noise**2 + defects.shot_noise**2 * clean)
        planes = (clean + noise * spread).clip(0, 1)
    steps = 2**defects.bits - 1
    planes = (planes * steps).round()
    if defects.bits == 8 and defects.jpeg_quality:
        planes = np.stack([_compressed(plane, defects.jpeg_quality) for plane in planes])
    digitised: np.ndarray = planes.astype(np.float32) / steps
    return digitised


def _compressed(plane: np.ndarray, quality: int) -> np.ndarray:
    """Store a plane (Y, X, 3), in steps of 8 bits, as JPEG and read it again."""
    stored = cv2.imencode(".jpg", plane.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    read = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED)
    assert read is not None
    return read


def _linear(coded: np.ndarray) -> np.ndarray:
    light: np.ndarray = np.where(
        coded <= 0.04045, coded / 12.92, ((coded.clip(min=0.04) + 0.055) / 1.055) ** 2.4
    )
    return light


def _coded(light: np.ndarray) -> np.ndarray:
    curve: np.ndarray = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light.clip(min=0.003) ** (1 / 2.4) - 0.055
    )
    return curve
