"""What surfaces show: photographs, procedural patterns, blank regions and small lights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from napari_focusstack.simulation.textures import texture

if TYPE_CHECKING:
    from numpy.random import Generator

    from napari_focusstack.simulation.material import SourceImages


def torch_generator(generator: Generator) -> torch.Generator:
    """Return a source of chance for torch that follows from one for numpy."""
    return torch.Generator().manual_seed(int(generator.integers(2**62)))


def photograph_of(
    material: SourceImages, side: int, flat: float, generator: Generator
) -> np.ndarray:
    """Return a crop of a photo as light (side, side, 3), as sharp as the picture or the canvas.

    Parameters
    ----------
    material : SourceImages
        Its photos are drawn from.
    side : int
        Of the canvas.
    flat : float
        Share of crops without detail.
    generator : numpy.random.Generator
        Source of chance.
    """
    own = round(side / generator.uniform(1.0, 2.0))
    light = texture(material, 1, own, flat, torch_generator(generator))[0].permute(1, 2, 0).numpy()
    enlarged = cv2.resize(light, (side, side), interpolation=cv2.INTER_CUBIC)
    kept: np.ndarray = enlarged.clip(0, 1)
    return kept


def blank(side: int, generator: Generator) -> np.ndarray:
    """Return one colour, half of the time with a slow change of brightness, (side, side, 3)."""
    level = generator.choice([generator.uniform(0, 0.05), generator.uniform(0, 1)])
    colour = (level * generator.uniform(0.7, 1.0, 3)).astype(np.float32)
    light = np.broadcast_to(colour, (side, side, 3)).copy()
    if generator.random() < 0.5:
        coarse = generator.normal(size=(4, 4)).astype(np.float32)
        slow = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        light *= (1 + generator.uniform(0, 0.15) * slow)[..., None].clip(0.3, 1.5)
    kept: np.ndarray = light.clip(0, 1)
    return kept


def pattern(side: int, generator: Generator) -> np.ndarray:
    """Return noise of a random spectrum, grains or stripes between two colours, (side, side, 3)."""
    kind = generator.choice(["noise", "grains", "stripes"])
    if kind == "noise":
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
        spectrum = np.fft.rfft2(generator.normal(size=(side, side)))
        fall = np.maximum(frequency, 2 / side) ** -generator.uniform(0.2, 1.6)
        field = np.fft.irfft2(spectrum * fall * np.exp(-((frequency / 0.25) ** 2)), (side, side))
        share = 0.5 + 0.22 * field / field.std()
    elif kind == "grains":
        grains = (generator.random((side, side)) < generator.uniform(0.002, 0.03)).astype(float)
        blurred = cv2.GaussianBlur(grains, (0, 0), generator.uniform(0.9, 4))
        share = blurred / max(float(np.quantile(blurred, 0.995)), 1e-6)
    else:
        y, x = np.mgrid[:side, :side].astype(np.float32)
        angle = generator.uniform(0, np.pi)
        coarse = generator.normal(size=(5, 5)).astype(np.float32)
        warp = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        across = x * np.cos(angle) + y * np.sin(angle) + generator.uniform(0, 12) * warp
        share = 0.5 + 0.5 * np.sin(across * 2 * np.pi / np.exp(generator.uniform(2.2, 4.2)))
    dark, bright = generator.uniform(0, 1, (2, 3)) ** 2
    light = dark + (bright - dark) * share.clip(0, 1)[..., None]
    kept: np.ndarray = light.clip(0, 1).astype(np.float32)
    return kept


def paint(material: SourceImages, side: int, bare: float, generator: Generator) -> np.ndarray:
    """Draw what a surface shows, linear light (side, side, 3).

    Parameters
    ----------
    material : SourceImages
        Its photos are drawn from.
    side : int
        Of the canvas.
    bare : float
        Share without detail.
    generator : numpy.random.Generator
        Source of chance.
    """
    if generator.random() < bare / 2:
        light = blank(side, generator)
    elif generator.random() < 0.2:
        light = pattern(side, generator)
    else:
        light = photograph_of(material, side, bare / 2, generator)
    if generator.random() < 0.12:
        light = light + lights(side, generator)
    return light


def lights(side: int, generator: Generator) -> np.ndarray:
    """Return a few small lights, brighter than what the sensor holds, (side, side, 3)."""
    count = int(generator.integers(1, 12))
    spots = np.zeros((side, side, 3), np.float32)
    for x, y in generator.integers(0, side, (count, 2)):
        radius = int(generator.integers(1, 5))
        colour = generator.uniform(1, 8) * generator.uniform(0.6, 1, 3)
        cv2.circle(spots, (int(x), int(y)), radius, colour.tolist(), -1, cv2.LINE_AA)
    blurred: np.ndarray = cv2.GaussianBlur(spots, (0, 0), 1.0)
    return blurred
