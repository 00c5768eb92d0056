"""Random foreground shapes: stored alphas, and procedural blobs, holes, meshes, hairs, bristles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

if TYPE_CHECKING:
    from torch import Generator, Tensor


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Return random numbers in low..high on the generator's device."""
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def choose(count: int, chance: float, generator: Generator) -> Tensor:
    """Return a bool tensor (count,), each true with the given chance."""
    return torch.rand(count, generator=generator, device=generator.device) < chance


def place(
    pictures: Tensor, side: int, zoom: Tensor, angle: Tensor, shift: Tensor, *, padding: str
) -> Tensor:
    """Sample each picture through its own zoom, rotation and shift.

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
        Shape (B, 2), in sides of the picture, x then y.
    padding : {"reflection", "zeros"}
        What lies outside a picture.

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
    """Return smooth random fields (count, 1, side, side) of zero mean and unit variance."""
    coarse = torch.randn(
        count, 1, cells + 3, cells + 3, generator=generator, device=generator.device
    )
    field = functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
    centred = field - field.mean((2, 3), keepdim=True)
    return centred / centred.square().mean((2, 3), keepdim=True).sqrt().clamp(min=1e-3)


def soft_step(distance_px: Tensor, softness_px: Tensor | float) -> Tensor:
    """Return the coverage of a pixel at a signed distance inside an edge of the given softness."""
    return (0.5 + distance_px / softness_px).clamp(0, 1)


def blobs(count: int, side: int, generator: Generator) -> Tensor:
    """Return random smooth regions, (count, 1, side, side), from half-planes to islands."""
    cells = int(torch.randint(1, 6, (1,), generator=generator, device=generator.device))
    field = smooth_noise(count, side, cells, generator)
    level = uniform((count, 1, 1, 1), -0.8, 0.8, generator)
    softness = uniform((count, 1, 1, 1), 0.8, 2.0, generator)
    slope = torch.stack(torch.gradient(field, dim=(2, 3))).square().sum(0).sqrt().clamp(min=1e-3)
    return soft_step((field - level) / slope, softness)


def filaments(count: int, side: int, generator: Generator, strands: int = 12) -> Tensor:
    """Return hairs, bristles or fibres, (count, 1, side, side): bent strands 0.7 to 6 px wide.

    Strands of one picture start near a common point and share a direction, as hair does, or cross
    at random, as fibres do.
    """
    device = generator.device
    points = 2 * side
    along = torch.linspace(0, 1, points, device=device)
    start = uniform((count, 1, 2), -0.1, 1.1, generator) + uniform(
        (count, strands, 2), -0.5, 0.5, generator
    ) * uniform((count, 1, 2), 0.1, 1.0, generator)
    heading = uniform((count, 1), 0, 2 * math.pi, generator) + torch.randn(
        count, strands, generator=generator, device=device
    ) * uniform((count, 1), 0.05, 1.5, generator)
    bend = torch.randn(count, strands, generator=generator, device=device) * 1.2
    length = uniform((count, strands, 1), 0.3, 1.0, generator)
    angle = heading[..., None] + bend[..., None] * along
    heading_xy = torch.stack([torch.cos(angle), torch.sin(angle)], -1)
    position = start[:, :, None] + torch.cumsum(length[..., None] / points * heading_xy, 2)
    half_width = uniform((count, strands, 1), 0.35, 1.5, generator) * uniform(
        (count, 1, 1), 1.0, 2.0, generator
    )
    taper = half_width * (1 - 0.8 * along * choose(count, 0.5, generator)[:, None, None])
    return _stamp(position.flatten(1, 2) * side, taper.flatten(1, 2), side)


def _stamp(position_px: Tensor, half_width_px: Tensor, side: int) -> Tensor:
    """Press a soft dot of its own width at each point (B, n, 2) into (B, 1, side, side)."""
    count = len(position_px)
    reach = torch.arange(-4, 5, device=position_px.device)
    dy, dx = torch.meshgrid(reach, reach, indexing="ij")
    pixel = position_px.floor().long()[:, :, None] + torch.stack([dx, dy], -1).reshape(-1, 2)
    distance = (pixel + 0.5 - position_px[:, :, None]).norm(dim=-1)
    cover = soft_step(half_width_px[..., None] - distance, 1.2)
    inside = ((pixel >= 0) & (pixel < side)).all(-1)
    index = (pixel[..., 1] * side + pixel[..., 0]).clamp(0, side * side - 1)
    picture = torch.zeros(count, side * side, device=position_px.device)
    picture.scatter_reduce_(1, index.flatten(1), (cover * inside).flatten(1), "amax")
    return picture.reshape(count, 1, side, side)


def mesh(count: int, side: int, generator: Generator) -> Tensor:
    """Return gratings and meshes of bars, (count, 1, side, side), warped a little."""
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


def random_alpha(stored: Tensor, count: int, side: int, generator: Generator) -> Tensor:
    """Draw foreground alphas.

    Parameters
    ----------
    stored : Tensor
        Shape (n, 1, S, S), uint8 alphas; may be empty.
    count, side : int
        How many, and their side in px.
    generator : torch.Generator
        Source of chance; its device is where the result lies.

    Returns
    -------
    Tensor
        Shape (count, 1, side, side), 0..1, with edges antialiased or softer.
    """
    alpha = blobs(count, side, generator)
    if len(stored):
        picked = stored[
            torch.randint(len(stored), (count,), generator=generator, device=generator.device)
        ]
        placed = place(
            picked.float() / 255,
            side,
            side / stored.shape[-1] * uniform((count,), 0.5, 1.6, generator),
            uniform((count,), 0, 2 * math.pi, generator),
            uniform((count, 2), -0.7, 0.7, generator),
            padding="zeros",
        ).clamp(0, 1)
        alpha = torch.where(choose(count, 0.6, generator)[:, None, None, None], placed, alpha)
    barred = choose(count, 0.08, generator)
    alpha[barred] = mesh(int(barred.sum()), side, generator)
    hairy = choose(count, 0.25, generator)
    strands = filaments(int(hairy.sum()), side, generator)
    alone = choose(len(strands), 0.3, generator)[:, None, None, None]
    alpha[hairy] = torch.where(alone, strands, torch.maximum(alpha[hairy], strands))
    pierced = choose(count, 0.12, generator)
    alpha[pierced] *= 1 - blobs(int(pierced.sum()), side, generator)
    inverted = choose(count, 0.15, generator)[:, None, None, None]
    return torch.where(inverted, 1 - alpha, alpha)
