"""The camera: exposure, vignetting, noise, grey, sRGB coding, 8 bits, JPEG."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.luminance import luminance
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.simulation.shapes import choose, uniform

if TYPE_CHECKING:
    from torch import Generator, Tensor


def expose(
    near: Tensor, far: Tensor, truth: Tensor, defects: float, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Record two planes of the same scenes with a camera.

    Parameters
    ----------
    near, far, truth : Tensor
        Shape (B, 3, Y, X), linear light; sides are multiples of 8.
    defects : float
        Scale of noise and exposure change. With 0 the planes are coded as sRGB and nothing else
        happens.
    generator : torch.Generator
        Random numbers.

    Returns
    -------
    near, far : Tensor
        Coded as sRGB, 0..1. A quarter of the scenes is grey. 30% are not quantised. The others are
        in steps of 1/255, and half of them are compressed as JPEG.
    truth : Tensor
        Linear light with the exposure, vignetting and greyness of the planes, without noise.
    """
    if not defects:
        return linear_to_srgb(near), linear_to_srgb(far), truth
    count = len(near)
    grey = choose(count, 0.25, generator)[:, None, None, None]
    near, far, truth = (torch.where(grey, luminance(image), image) for image in (near, far, truth))
    light = _light(near.shape, generator).to(near.device) ** defects
    near, far, truth = near * light, far * light, truth * light
    gain = torch.randn(count, 1, 1, 1, generator=generator, device=generator.device) * 0.02
    far = far * (1 + defects * gain * choose(count, 0.4, generator)[:, None, None, None])
    read, shot = _noise(count, grey, generator)
    raw = choose(count, 0.3, generator)
    compressed = choose(count, 0.5, generator) & ~raw
    quality = uniform((count,), 75, 98, generator)[compressed]
    coded = []
    for image in (near, far):
        noise = torch.randn(image.shape, generator=generator, device=generator.device)
        noise = torch.where(grey, noise[:, :1], noise) * defects
        image = image + noise * (read**2 + shot**2 * image.clamp(min=0)).sqrt()
        image = linear_to_srgb(image.clamp(0, 1))
        image[compressed] = jpeg(image[compressed], quality)
        eight_bits = (image * 255).round() / 255
        coded.append(torch.where(raw[:, None, None, None], image, eight_bits))
    return coded[0], coded[1], truth


def _light(shape: torch.Size, generator: Generator) -> Tensor:
    """Return the relative exposure of images (B, C, Y, X), some dim or vignetted: (B, 1, Y, X)."""
    count = shape[0]
    dim = choose(count, 0.1, generator)[:, None, None, None]
    level = torch.where(dim, uniform((count, 1, 1, 1), 0.2, 1.0, generator), 1.0)
    vignetted = choose(count, 0.2, generator)[:, None, None, None]
    depth = uniform((count, 1, 1, 1), 0.1, 0.6, generator) * vignetted
    y, x = (torch.linspace(-1, 1, side, device=generator.device) for side in shape[-2:])
    return level * (1 - depth * (y[:, None] ** 2 + x**2) / 2)


def _noise(count: int, grey: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return read and shot noise at full light, (count, 1, 1, 1); grey scenes have more."""
    noisy = choose(count, 0.5, generator)[:, None, None, None] * torch.where(grey, 1.5, 1.0)
    read = uniform((count, 1, 1, 1), 0, 0.008, generator) * noisy
    return read, uniform((count, 1, 1, 1), 0, 0.02, generator) * noisy


@cache
def _dct_matrix() -> Tensor:
    """Return the orthonormal DCT-II of 8 samples as a matrix (8, 8)."""
    k = torch.arange(8, dtype=torch.float32)
    matrix = torch.cos(math.pi * (2 * k[None] + 1) * k[:, None] / 16) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


@cache
def _quantisation() -> Tensor:
    """Return tables (3, 8, 8) for Y, Cb, Cr: smooth fits to Annex K of the JPEG standard."""
    k = torch.arange(8, dtype=torch.float32)
    frequency = k[:, None] + k[None, :]
    luma = 10 + 1.2 * frequency**1.75
    chroma = (17 + 9 * frequency**1.5).clamp(max=99)
    return torch.stack([luma, chroma, chroma])


def jpeg(image: Tensor, quality: Tensor) -> Tensor:
    """Compress and decompress as JPEG: 8 x 8 DCT in YCbCr, quantised coefficients.

    Parameters
    ----------
    image : Tensor
        Shape (B, 3, Y, X), sRGB, 0..1, sides multiples of 8.
    quality : Tensor
        Shape (B,), 50..100.

    Returns
    -------
    Tensor
        Same shape, 0..1, in steps of 1/255.
    """
    to_ycc = torch.tensor(
        [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]],
        device=image.device,
    )
    ycc = torch.einsum("dc,bcyx->bdyx", to_ycc, image * 255)
    batch, channels, height, width = ycc.shape
    blocks = ycc.reshape(batch, channels, height // 8, 8, width // 8, 8)
    dct = _dct_matrix().to(image.device)
    coefficients = torch.einsum("ku,bcyuxv,lv->bcykxl", dct, blocks, dct)
    table = _quantisation().to(image.device)[None, :, None, :, None, :]
    table = (table * ((200 - 2 * quality) / 100).reshape(-1, 1, 1, 1, 1, 1)).clamp(min=1)
    coefficients = (coefficients / table).round() * table
    blocks = torch.einsum("ku,bcykxl,lv->bcyuxv", dct, coefficients, dct)
    rgb = torch.einsum("dc,bcyx->bdyx", torch.linalg.inv(to_ycc), blocks.reshape(ycc.shape))
    return rgb.round().clamp(0, 255) / 255
