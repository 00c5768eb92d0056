"""Focal stacks as cameras and their users take them: some planes, a part, defects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.simulation.camera import jpeg
from napari_focusstack.simulation.pairs import SceneParameters, synthesise
from napari_focusstack.simulation.shapes import choose, place, uniform

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages


#: Parts of a scene's side that are cut out and enlarged; one of them is drawn.
PARTS = (1 / 2, 2 / 3, 1.0, 1.0)
#: Steps between the planes that are taken; one of them is drawn.
STRIDES = (1, 1, 2)
#: Greatest noise of a stack, of full scale; one of them is drawn.
NOISE = (0.002, 0.004, 0.01, 0.02)
#: Fewest planes of a stack that is cut out of a longer one.
FEWEST_PLANES = 3
#: Share of stacks of which two planes are taken, and the most steps between them.
TWO, MOST_APART = 0.15, 6
#: Sides of near/far pairs, px, and shares of flat textures in them; one of each is drawn.
PAIR_SIDES_PX, PAIR_FLAT = (192, 256, 256, 320, 384), (0.1, 0.25, 0.5)


@dataclass(frozen=True)
class StackExample:
    """A focal stack and what is true of it.

    Parameters
    ----------
    planes : Tensor
        Shape (P, 3, Y, X), coded as sRGB, 0..1, nearest first.
    layered_depth : Tensor
        Shape (3, Y, X): alpha of the nearest surface in a pixel, its depth, and that of what lies
        behind it, plane steps from the nearest plane.
    """

    planes: Tensor
    layered_depth: Tensor

    @property
    def depth(self) -> Tensor:
        """Depth of what covers most of each pixel, (Y, X), plane steps."""
        alpha, front, behind = self.layered_depth
        return torch.where(alpha > 0.5, front, behind)


def augment(scene: StackExample, generator: Generator) -> StackExample:
    """Take a stack of a scene, each time another one.

    Parameters
    ----------
    scene : StackExample
        At least 4 planes, square; its side is a multiple of 8.
    generator : torch.Generator
        Source of chance, on the scene's device.

    Returns
    -------
    StackExample
        Of the same side, with 3 planes or more, or every second one of the scene's, or two.
    """
    stack = _turned(_part(_some_planes(scene, generator), generator), generator)
    return StackExample(_photographed(stack.planes, generator), stack.layered_depth)


def render_pair(material: SourceImages, generator: Generator) -> StackExample:
    """Render a near/far pair as a stack of two planes.

    Parameters
    ----------
    material : Material
        Pictures to draw from.
    generator : torch.Generator
        Source of chance, on the material's device.

    Returns
    -------
    StackExample
        Of one of :data:`PAIR_SIDES_PX`; a quarter of them is cut out of one and enlarged.
    """
    side = PAIR_SIDES_PX[_number(len(PAIR_SIDES_PX), generator)]
    flat = PAIR_FLAT[_number(len(PAIR_FLAT), generator)]
    pair = synthesise(material, 1, side, generator, SceneParameters(flat=flat))
    near = torch.zeros_like(pair.alpha[0])
    layered_depth = torch.cat([pair.alpha[0], near, near + 1])
    example = StackExample(torch.cat([pair.near, pair.far]), layered_depth)
    return _enlarged(example, side // 2, generator) if _happens(0.25, generator) else example


def _some_planes(scene: StackExample, generator: Generator) -> StackExample:
    """Take each plane or each second one, often only some that follow one another, or two."""
    stride = STRIDES[_number(len(STRIDES), generator)]
    chosen = range(len(scene.planes))[_number(2, generator) :: stride]
    if stride == 1 and _happens(0.5, generator):
        count = FEWEST_PLANES + _number(len(chosen) - FEWEST_PLANES + 1, generator)
        first = _number(len(chosen) - count + 1, generator)
        chosen = chosen[first : first + count]
    if _happens(TWO, generator):
        stride = 1 + _number(min(MOST_APART, len(scene.planes) - 1), generator)
        chosen = range(len(scene.planes))[_number(len(scene.planes) - stride, generator) :: stride]
        chosen = chosen[:2]
    depths = ((scene.layered_depth[1:] - chosen[0]) / stride).clamp(0, len(chosen) - 1)
    return StackExample(scene.planes[list(chosen)], torch.cat([scene.layered_depth[:1], depths]))


def _part(stack: StackExample, generator: Generator) -> StackExample:
    """Cut out a part and enlarge it."""
    side = stack.planes.shape[-1]
    part = round(side * PARTS[_number(len(PARTS), generator)])
    return _enlarged(stack, part, generator)


def _enlarged(stack: StackExample, part: int, generator: Generator) -> StackExample:
    """Cut out a part of so many px a side and enlarge it to what the whole has."""
    side = stack.planes.shape[-1]
    top, left = (_number(side - part + 1, generator) for _ in range(2))
    planes = stack.planes[..., top : top + part, left : left + part]
    layered_depth = stack.layered_depth[..., top : top + part, left : left + part]
    if part == side:
        return StackExample(planes, layered_depth)
    size = (side, side)
    return StackExample(
        functional.interpolate(planes, size, mode="bicubic").clamp(0, 1),
        functional.interpolate(layered_depth[None], size, mode="nearest")[0],
    )


def _turned(stack: StackExample, generator: Generator) -> StackExample:
    """Mirror and turn by quarters."""
    planes, layered_depth = stack.planes, stack.layered_depth
    for axes in ((-1,), (-2,)):
        if _happens(0.5, generator):
            planes, layered_depth = planes.flip(axes), layered_depth.flip(axes)
    if _happens(0.5, generator):
        planes, layered_depth = planes.transpose(-1, -2), layered_depth.transpose(-1, -2)
    return StackExample(planes, layered_depth)


def _photographed(planes: Tensor, generator: Generator) -> Tensor:
    """Give planes the defects of a camera: dim, grey, flickering, hazy, shaken, coded, noisy."""
    count, _, side, _ = planes.shape
    device = generator.device
    if _happens(0.25, generator):
        planes = planes.mean(1, keepdim=True).expand_as(planes)
    if _happens(0.3, generator):
        glare = _between(0, 0.15, generator) * _between(0, 1, generator)
        planes = planes * _between(0.3, 1, generator) + glare
    if _happens(0.3, generator):
        gain = torch.randn(count, 1, 1, 1, generator=generator, device=device)
        planes = planes * (1 + 0.03 * gain)
    if _happens(0.3, generator):
        planes = 0.5 + _between(0.3, 0.9, generator) * (planes - 0.5)
    if _happens(0.35, generator):
        off = torch.randn(count, 2, generator=generator, device=device)
        shift = 2 / side * _between(0.2, 1, generator) * off
        still = torch.zeros(count, device=device)
        planes = place(planes, side, still + 1, still, shift, padding="reflection")
    if _happens(0.35, generator):
        quality = torch.full((count,), _between(70, 98, generator), device=device)
        planes = jpeg(planes.clamp(0, 1), quality)
    noise = NOISE[_number(len(NOISE), generator)] * _between(0, 1, generator)
    planes = planes + noise * torch.randn(planes.shape, generator=generator, device=device)
    planes = planes.clamp(0, 1)
    return (planes * 255).round() / 255 if _happens(0.7, generator) else planes


def _happens(chance: float, generator: Generator) -> bool:
    return bool(choose(1, chance, generator))


def _between(low: float, high: float, generator: Generator) -> float:
    return float(uniform((1,), low, high, generator))


def _number(below: int, generator: Generator) -> int:
    return int(torch.randint(below, (1,), generator=generator, device=generator.device))
