"""Random numbers of scenes, and random shapes: blobs, meshes, stored alphas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Return uniform random numbers in low..high on the generator's device."""
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def choose(count: int, chance: float, generator: Generator) -> Tensor:
    """Return a bool tensor (count,), each element true with the given probability."""
    return torch.rand(count, generator=generator, device=generator.device) < chance


def happens(chance: float, generator: Generator) -> bool:
    """Draw True with the given probability; a probability of 0 uses no random number."""
    return chance > 0 and bool(choose(1, chance, generator))


def alter(
    pictures: Tensor, share: float, change: Callable[[Tensor], Tensor], generator: Generator
) -> Tensor:
    """Change a random share of pictures (B, ...) and return all of them."""
    chosen = choose(len(pictures), share, generator)
    if not chosen.any():
        return pictures
    altered = pictures.clone()
    altered[chosen] = change(pictures[chosen])
    return altered


def place(
    pictures: Tensor, side: int, zoom: Tensor, angle: Tensor, shift: Tensor, *, padding: str
) -> Tensor:
    """Transform each picture by a zoom, a rotation and a shift of its own.

    Parameters
    ----------
    pictures : Tensor
        Shape (B, C, S, S), float.
    side : int
        Side of the result, px.
    zoom : Tensor
        Shape (B,); 1 keeps the pixel size.
    angle : Tensor
        Shape (B,), radians.
    shift : Tensor
        Shape (B, 2), x then y, in half sides of the picture.
    padding : {"reflection", "zeros"}
        Values outside a picture.

    Returns
    -------
    Tensor
        Shape (B, C, side, side).
    """
    scale = side / pictures.shape[-1] / zoom
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.stack(
        [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1
    )
    grid = functional.affine_grid(
        theta, [len(pictures), pictures.shape[1], side, side], align_corners=False
    )
    return functional.grid_sample(
        pictures, grid, mode="bicubic", padding_mode=padding, align_corners=False
    )


def smooth_noise(count: int, side: int, cells: int, generator: Generator) -> Tensor:
    """Return smooth random fields (count, 1, side, side) of mean 0 and variance 1."""
    coarse = torch.randn(
        count, 1, cells + 3, cells + 3, generator=generator, device=generator.device
    )
    field = functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
    centred = field - field.mean((2, 3), keepdim=True)
    return centred / centred.square().mean((2, 3), keepdim=True).sqrt().clamp(min=1e-3)


def soft_step(distance_px: Tensor, softness_px: Tensor | float) -> Tensor:
    """Return the coverage 0..1 of a pixel at a signed distance inside an edge of this width, px."""
    return (0.5 + distance_px / softness_px).clamp(0, 1)


def blobs(count: int, side: int, generator: Generator) -> Tensor:
    """Return random smooth regions, (count, 1, side, side), 0..1, from half-planes to islands."""
    cells = int(torch.randint(1, 6, (1,), generator=generator, device=generator.device))
    field = smooth_noise(count, side, cells, generator)
    level = uniform((count, 1, 1, 1), -0.8, 0.8, generator)
    softness = uniform((count, 1, 1, 1), 0.8, 2.0, generator)
    slope = torch.stack(torch.gradient(field, dim=(2, 3))).square().sum(0).sqrt().clamp(min=1e-3)
    return soft_step((field - level) / slope, softness)


def mesh(count: int, side: int, generator: Generator) -> Tensor:
    """Return slightly warped gratings and meshes of bars, (count, 1, side, side), 0..1."""
    grid = torch.arange(side, device=generator.device, dtype=torch.float32)
    angle = uniform((count, 1, 1, 1), 0, math.pi, generator)
    period = uniform((count, 1, 1, 1), 10, 60, generator)
    duty = uniform((count, 1, 1, 1), 0.15, 0.6, generator)
    warp = smooth_noise(count, side, 2, generator) * uniform((count, 1, 1, 1), 0, 6, generator)
    x, y = grid[None, None, None, :], grid[None, None, :, None]
    cover = torch.zeros(count, 1, side, side, device=generator.device)
    crossed = choose(count, 0.5, generator)[:, None, None, None]
    for turn in (0.0, math.pi / 2):
        position = x * torch.cos(angle + turn) + y * torch.sin(angle + turn) + warp
        centred = (torch.remainder(position, period) - period / 2).abs()
        bars = soft_step(duty * period / 2 - centred, 1.2)
        cover = torch.maximum(cover, bars if turn == 0 else bars * crossed)
    return cover


def pick(pictures: Tensor, count: int, generator: Generator) -> Tensor:
    """Draw uint8 pictures of (n, C, S, S) with replacement: (count, C, S, S), float, 0..1."""
    drawn = torch.randint(len(pictures), (count,), generator=generator, device=generator.device)
    return pictures[drawn].float() / 255


def mirrored(pictures: Tensor, generator: Generator) -> Tensor:
    """Mirror a random half of pictures (B, ...) and return all of them."""
    return alter(pictures, 0.5, lambda chosen: chosen.flip(-1), generator)


def stored_alpha(stored: Tensor, count: int, side: int, generator: Generator) -> Tensor:
    """Draw stored alphas (n, 1, S, S), uint8, and place them at random: (count, 1, side, side)."""
    return place(
        pick(stored, count, generator),
        side,
        side / stored.shape[-1] * uniform((count,), 0.5, 1.6, generator),
        uniform((count,), 0, 2 * math.pi, generator),
        uniform((count, 2), -0.7, 0.7, generator),
        padding="zeros",
    ).clamp(0, 1)
