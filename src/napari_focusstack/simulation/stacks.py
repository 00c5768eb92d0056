"""Focal stacks with ground truth: surfaces of continuous depth, imaged by a thin lens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.image_formation import over, premultiply
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.simulation.backdrops import FLAT_SHARE, backdrop, clearest, shaded
from napari_focusstack.simulation.foreground import foreground, similar_region
from napari_focusstack.simulation.pairs import MARGIN_PX
from napari_focusstack.simulation.shapes import choose, happens, smooth_noise, uniform
from napari_focusstack.simulation.surfaces import Surface
from napari_focusstack.simulation.textures import texture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

    from napari_focusstack.imaging.psf_shapes import PsfShape
    from napari_focusstack.simulation.material import SourceImages


@dataclass(frozen=True)
class StackParameters:
    """Distribution of random stacks.

    Parameters
    ----------
    noise : float
        Standard deviation of the sensor's noise, of full scale in sRGB.
    from_segments : float
        Share of scenes whose surfaces are the segments of one picture.
    misplaced : float
        Share of such segments that are shifted by up to a pixel against the picture, as measured
        depth is against a photograph.
    unmixed : float
        Share of scenes in which no pixel shows two surfaces.
    blank : float
        Share of scenes before a backdrop without any detail, bright or dark.
    level : float
        Share of scenes whose surfaces are level, each in focus in one of the planes.
    steps : int
        Greatest value of the pixels that planes are rounded to.
    """

    noise: float = 0.003
    from_segments: float = 0.35
    misplaced: float = 0.0
    unmixed: float = 0.0
    blank: float = 0.0
    level: float = 0.0
    steps: int = 255


STACKS = StackParameters()


@dataclass(frozen=True)
class FocalStackTruth:
    """A focal stack with ground truth.

    Parameters
    ----------
    planes : Tensor
        Shape (P, 3, Y, X), coded as sRGB, 0..1, nearest first.
    all_in_focus : Tensor
        Shape (3, Y, X), coded as sRGB: every surface in focus, without noise.
    alpha : Tensor
        Shape (Y, X), 0..1: share of each pixel that the nearest surface in it covers.
    front, behind : Tensor
        Shape (Y, X): depth of that surface and of the one behind it, plane steps behind the
        nearest plane; equal where alpha is 1.
    sigma_px : float
        Standard deviation of the PSF per plane step, px.
    """

    planes: Tensor
    all_in_focus: Tensor
    alpha: Tensor
    front: Tensor
    behind: Tensor
    sigma_px: float

    @property
    def layered_depth(self) -> Tensor:
        """Alpha, front and behind as one tensor (3, Y, X)."""
        return torch.stack([self.alpha, self.front, self.behind])

    @property
    def depth(self) -> Tensor:
        """Depth of the surface that covers most of each pixel, (Y, X), plane steps."""
        return torch.where(self.alpha > 0.5, self.front, self.behind)

    @property
    def labels(self) -> Tensor:
        """Labels (Y, X) counted from 1: the plane nearest to the depth of each pixel."""
        return self.depth.round().clamp(0, len(self.planes) - 1).to(torch.uint8) + 1


def focal_stack(
    material: SourceImages,
    planes: int,
    side: int,
    generator: Generator,
    parameters: StackParameters = STACKS,
) -> FocalStackTruth:
    """Render a focal stack: tilted, bent and thin surfaces before a tilted background.

    Some scenes are one picture whose segments of similar colour have different depths. Depth edges
    then follow the edges of the picture, and both sides look similar, as in a photograph.

    Parameters
    ----------
    material : SourceImages
        Images to draw from.
    planes : int
        Number of planes, at least 2.
    side : int
        Side, px.
    generator : torch.Generator
        Random numbers, on the device of the images.
    parameters : StackParameters
        Distribution of the scenes.

    Returns
    -------
    FocalStackTruth
    """
    full = side + 2 * MARGIN_PX
    last = planes - 1.0
    sigma_px = float(uniform((1,), math.log(0.6), math.log(2.5), generator).exp())
    shape: PsfShape = "disk" if choose(1, 0.5, generator) else "gaussian"
    from_segments = choose(1, parameters.from_segments, generator)
    unmixed = happens(parameters.unmixed, generator)
    blank = happens(parameters.blank, generator)
    bend = 0.0 if happens(parameters.level, generator) else 1.0
    shade = None
    if blank:
        from_segments = torch.zeros_like(from_segments)
        truth, shade = backdrop(material, full, generator)
    else:
        truth = texture(material, 1, full, 0.0 if from_segments else 0.15, generator)
    depth = _tilted(full, 0.9 * last, 0.2 * bend * last, generator).clamp(0, last)
    if not bend:
        depth = depth.round()
    scene = [Surface(premultiply(truth, torch.ones_like(truth[:, :1]))[0], depth)]
    alpha, front, behind = torch.ones_like(depth), depth, depth
    fewest, more = (4, 5) if from_segments else (2, 4)
    count = fewest + int(torch.randint(more, (1,), generator=generator, device=generator.device))
    bases = uniform((count,), 0, 0.9 * last, generator).sort(descending=True).values
    if not bend:
        bases = bases.round()
    for base in bases.tolist():
        if from_segments:
            segment = similar_region(truth, generator)
            if happens(parameters.misplaced, generator):
                segment = segment.roll(_random_offset(generator), (-2, -1))
            layer = premultiply(truth, segment)
        else:
            layer = foreground(material, truth, FLAT_SHARE if blank else 0.15, 0.25, generator)
        if unmixed:
            layer = _binarize(layer)
        if shade:
            layer = shaded(layer, shade, generator)
        share, below = layer[0, 3], torch.where(alpha > 0.5, front, behind)
        # no surface passes through what it covers
        tilted = _tilted(full, base, 0.1 * bend * last, generator).minimum(below).clamp(min=0)
        scene.append(Surface(layer[0], tilted))
        behind = torch.where(share == 0, behind, torch.where(share == 1, tilted, below))
        alpha = torch.where(share == 0, alpha, share)
        front = torch.where(share == 0, front, tilted)
        truth = over(layer, truth)
    images, covers = [], []
    for plane in range(planes):
        ground, *others = (surface.imaged(plane, sigma_px, shape) for surface in scene)
        images.append(reduce(lambda behind, layer: over(layer, behind), others, ground[:-1]))
        covers.append(_cover(others))
    if blank:
        sharp = _cover([surface.layer for surface in scene[1:]])
        nearest = torch.where(alpha > 0.5, front, behind)
        best = clearest(torch.stack(covers), sharp, nearest, nearest == depth)
        front, behind = (torch.where(d == depth, best, d) for d in (front, behind))
    inner = slice(MARGIN_PX, MARGIN_PX + side)
    stack = linear_to_srgb(torch.stack(images)[..., inner, inner].clamp(0, 1))
    stack = stack + parameters.noise * torch.randn(
        stack.shape, generator=generator, device=generator.device
    )
    return FocalStackTruth(
        planes=(stack.clamp(0, 1) * parameters.steps).round() / parameters.steps,
        all_in_focus=linear_to_srgb(truth[0, :, inner, inner].clamp(0, 1)),
        alpha=alpha[inner, inner],
        front=front[inner, inner],
        behind=behind[inner, inner],
        sigma_px=sigma_px,
    )


def _cover(layers: Sequence[Tensor]) -> Tensor:
    """Return the coverage of each pixel by layers (C + 1, Y, X) together, (Y, X), 0..1."""
    return 1 - reduce(torch.mul, [1 - layer[-1] for layer in layers])


def _random_offset(generator: Generator) -> list[int]:
    """Return an offset in rows and columns, px, each -1, 0 or 1."""
    offset: list[int] = torch.randint(
        -1, 2, (2,), generator=generator, device=generator.device
    ).tolist()
    return offset


def _binarize(layer: Tensor) -> Tensor:
    """Round the alpha of a layer (B, C + 1, Y, X) to 0 or 1, and scale its light accordingly."""
    alpha = layer[:, -1:]
    hard = (alpha > 0.5).to(layer)
    return torch.cat([layer[:, :-1] / alpha.clamp(min=1e-3) * hard, hard], 1).clamp(0, 1)


def _tilted(side: int, depth: float, range_: float, generator: Generator) -> Tensor:
    """Return a tilted and bent surface around a depth, (side, side), plane steps."""
    device = generator.device
    position = torch.linspace(-1, 1, side, device=device)
    rows, columns, bend = (torch.randn(3, generator=generator, device=device) * range_).tolist()
    bent = bend / 2 * smooth_noise(1, side, 3, generator)[0, 0]
    return depth + rows * position[:, None] + columns * position[None] + bent
