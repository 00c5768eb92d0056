"""Strands: hairs, bristles and fibres alone, and hair that grows out of a contour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.simulation.shapes import choose, soft_step, uniform

if TYPE_CHECKING:
    from torch import Generator, Tensor


#: Width of the antialiased edge of a strand, px (convention: slightly more than a box pixel).
EDGE_PX = 1.2


def filaments(count: int, side: int, generator: Generator, strands: int = 12) -> Tensor:
    """Return hairs, bristles or fibres, (count, 1, side, side), 0..1: bent, 0.7 to 6 px wide.

    The strands of one picture start near a common point and share a direction, like hair, or cross
    at random, like fibres.
    """
    start = uniform((count, 1, 2), -0.1, 1.1, generator) + uniform(
        (count, strands, 2), -0.5, 0.5, generator
    ) * uniform((count, 1, 2), 0.1, 1.0, generator)
    heading = uniform((count, 1), 0, 2 * math.pi, generator) + torch.randn(
        count, strands, generator=generator, device=generator.device
    ) * uniform((count, 1), 0.05, 1.5, generator)
    length = uniform((count, strands), 0.3, 1.0, generator)
    half_width = uniform((count, strands), 0.35, 1.5, generator) * uniform(
        (count, 1), 1.0, 2.0, generator
    )
    taper = 0.8 * choose(count, 0.5, generator)[:, None]
    grown = _grow(start * side, heading, length * side, 1.2, 2 * side, generator)
    return _stamp(grown, half_width, taper, torch.ones_like(half_width), 4, side)


def fringe(alpha: Tensor, generator: Generator, strands: int = 160) -> Tensor:
    """Add hair or fur that grows out of the contours of alphas.

    Parameters
    ----------
    alpha : Tensor
        Shape (B, 1, S, S), 0..1.
    generator : torch.Generator
        Random numbers.
    strands : int
        Hairs per picture.

    Returns
    -------
    Tensor
        Same shape, 0..1. The hairs are 0.3 to 2 px wide; many are translucent, because they are
        finer than a pixel. They grow outwards from the contour and lean the same way. Their length
        differs from picture to picture. A picture without a contour is returned unchanged.
    """
    count, side = len(alpha), alpha.shape[-1]
    slope_y, slope_x = torch.gradient(blur(alpha, 2.0)[:, 0], dim=(1, 2))
    steepness = torch.hypot(slope_x, slope_y).flatten(1)
    rooted = steepness.amax(1) > 0.01
    weight = torch.where(rooted[:, None], steepness.square(), torch.ones_like(steepness))
    root = torch.multinomial(weight, strands, replacement=True, generator=generator)
    outwards = torch.atan2(-slope_y.flatten(1).gather(1, root), -slope_x.flatten(1).gather(1, root))
    start = torch.stack([root % side, root // side], -1) + uniform(
        (count, strands, 2), 0, 1, generator
    )
    lean = uniform((count, 1), -1.2, 1.2, generator)
    spread = uniform((count, 1), 0.1, 0.6, generator)
    heading = (
        outwards
        + lean
        + spread * torch.randn(count, strands, generator=generator, device=generator.device)
    )
    longest = uniform((count, 1), math.log(4), math.log(side / 4), generator).exp()
    length = longest * uniform((count, strands), 0.2, 1.0, generator)
    half_width = uniform((count, strands), 0.15, 0.6, generator) * uniform(
        (count, 1), 1.0, 1.7, generator
    )
    opacity = uniform((count, strands), 0.25, 1.0, generator)
    grown = _grow(start, heading, length, 0.8, max(8, side // 3), generator)
    hairs = _stamp(grown, half_width, torch.full_like(lean, 0.7), opacity, 2, side)
    return torch.maximum(alpha, hairs * rooted[:, None, None, None])


def _grow(
    start_px: Tensor,
    heading: Tensor,
    length_px: Tensor,
    bend: float,
    points: int,
    generator: Generator,
) -> Tensor:
    """Return points (B, strands, points, 2), x then y, px, along strands of constant curvature."""
    along = torch.linspace(0, 1, points, device=start_px.device)
    curl = bend * torch.randn(heading.shape, generator=generator, device=heading.device)
    angle = heading[..., None] + curl[..., None] * along
    stride = torch.stack([torch.cos(angle), torch.sin(angle)], -1) / points
    return start_px[:, :, None] + torch.cumsum(length_px[..., None, None] * stride, 2)


def _stamp(
    position_px: Tensor,
    half_width_px: Tensor,
    taper: Tensor,
    opacity: Tensor,
    reach_px: int,
    side: int,
) -> Tensor:
    """Draw a soft dot at each point (B, strands, points, 2) into (B, 1, side, side).

    Each strand has a half width and an opacity, (B, strands). Towards its tip it loses the share
    ``taper`` (B, 1) of its width. A dot and its soft edge end ``reach_px`` from its centre.
    """
    count, _, points, _ = position_px.shape
    along = torch.linspace(0, 1, points, device=position_px.device)
    half_width = half_width_px[..., None] * (1 - taper[..., None] * along)
    position = position_px.flatten(1, 2)
    reach = torch.arange(-reach_px, reach_px + 1, device=position_px.device)
    dy, dx = torch.meshgrid(reach, reach, indexing="ij")
    pixel = position.floor().long()[:, :, None] + torch.stack([dx, dy], -1).reshape(-1, 2)
    distance = (pixel + 0.5 - position[:, :, None]).norm(dim=-1)
    cover = soft_step(half_width.flatten(1)[..., None] - distance, EDGE_PX)
    cover = cover * opacity[..., None].expand(-1, -1, points).flatten(1)[..., None]
    inside = ((pixel >= 0) & (pixel < side)).all(-1)
    index = (pixel[..., 1] * side + pixel[..., 0]).clamp(0, side * side - 1)
    picture = torch.zeros(count, side * side, device=position_px.device)
    picture.scatter_reduce_(1, index.flatten(1), (cover * inside).flatten(1), "amax")
    return picture.reshape(count, 1, side, side)
