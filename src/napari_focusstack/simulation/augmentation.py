"""Augmentation of focal stacks: a choice of planes, a crop, mirroring, camera defects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.simulation.camera import jpeg
from napari_focusstack.simulation.pairs import SceneParameters, synthesise
from napari_focusstack.simulation.shapes import happens, place, uniform
from napari_focusstack.simulation.sheets import sparse_pair

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages


# The constants are conventions: they describe which scenes are drawn.
#: Sides of the crop that is enlarged, as shares of the scene's side; one of them is drawn.
CROP_SHARES = (1 / 2, 2 / 3, 1.0, 1.0)
#: Plane steps between the planes that are taken; one of them is drawn.
PLANE_STRIDES = (1, 1, 2)
#: Largest standard deviation of the noise of a stack, of full scale in sRGB; one of them is drawn.
NOISE_STDS = (0.002, 0.004, 0.01, 0.02)
#: Smallest number of planes of a stack that is cut out of a longer one.
MIN_PLANES = 3
#: Share of stacks of which two planes are taken, and the largest number of steps between them.
TWO_PLANES_SHARE, TWO_PLANES_MAX_STEPS = 0.15, 6
#: Sides of near/far pairs, px, and shares of textures without detail; one of each is drawn.
PAIR_SIDES_PX, PAIR_FLAT_SHARES = (192, 256, 256, 320, 384), (0.1, 0.25, 0.5)
#: Share of pairs that show little detail, see :mod:`~napari_focusstack.simulation.sheets`.
SPARSE_SHARE = 0.6


@dataclass(frozen=True)
class StackExample:
    """A focal stack and its true depth.

    Parameters
    ----------
    planes : Tensor
        Shape (P, 3, Y, X), coded as sRGB, 0..1, nearest first.
    layered_depth : Tensor
        Shape (3, Y, X): alpha of the nearest surface in a pixel, its depth, and the depth of the
        surface behind it, plane steps behind the nearest plane.
    """

    planes: Tensor
    layered_depth: Tensor

    @property
    def depth(self) -> Tensor:
        """Depth of the surface that covers most of each pixel, (Y, X), plane steps."""
        alpha, front, behind = self.layered_depth
        return torch.where(alpha > 0.5, front, behind)


def augment(scene: StackExample, generator: Generator) -> StackExample:
    """Make a random variation of a scene.

    Parameters
    ----------
    scene : StackExample
        At least 4 planes, square, with a side that is a multiple of 8.
    generator : torch.Generator
        Random numbers, on the device of the scene.

    Returns
    -------
    StackExample
        Of the same side, with two planes or more of the scene.
    """
    stack = _flip(_crop(_choose_planes(scene, generator), generator), generator)
    return StackExample(_add_defects(stack.planes, generator), stack.layered_depth)


def render_pair(material: SourceImages, generator: Generator) -> StackExample:
    """Render a near/far pair as a stack of two planes.

    Parameters
    ----------
    material : SourceImages
        Images to draw from.
    generator : torch.Generator
        Random numbers, on the device of the images.

    Returns
    -------
    StackExample
        Its side is one of :data:`PAIR_SIDES_PX`. A quarter of the pairs are enlarged crops.
    """
    side = PAIR_SIDES_PX[_number(len(PAIR_SIDES_PX), generator)]
    if happens(SPARSE_SHARE, generator):
        pair = sparse_pair(material, side, generator)
    else:
        flat = PAIR_FLAT_SHARES[_number(len(PAIR_FLAT_SHARES), generator)]
        pair = synthesise(material, 1, side, generator, SceneParameters(flat=flat))
    near = torch.zeros_like(pair.alpha[0])
    layered_depth = torch.cat([pair.alpha[0], near, near + 1])
    example = StackExample(torch.cat([pair.near, pair.far]), layered_depth)
    return _enlarge(example, side // 2, generator) if happens(0.25, generator) else example


def _choose_planes(scene: StackExample, generator: Generator) -> StackExample:
    """Take all planes, a run of planes, every second plane, or two planes."""
    stride = PLANE_STRIDES[_number(len(PLANE_STRIDES), generator)]
    chosen = range(len(scene.planes))[_number(2, generator) :: stride]
    if stride == 1 and happens(0.5, generator):
        count = MIN_PLANES + _number(len(chosen) - MIN_PLANES + 1, generator)
        first = _number(len(chosen) - count + 1, generator)
        chosen = chosen[first : first + count]
    if happens(TWO_PLANES_SHARE, generator):
        stride = 1 + _number(min(TWO_PLANES_MAX_STEPS, len(scene.planes) - 1), generator)
        chosen = range(len(scene.planes))[_number(len(scene.planes) - stride, generator) :: stride]
        chosen = chosen[:2]
    depths = ((scene.layered_depth[1:] - chosen[0]) / stride).clamp(0, len(chosen) - 1)
    return StackExample(scene.planes[list(chosen)], torch.cat([scene.layered_depth[:1], depths]))


def _crop(stack: StackExample, generator: Generator) -> StackExample:
    """Enlarge a crop of a random size."""
    side = stack.planes.shape[-1]
    crop_px = round(side * CROP_SHARES[_number(len(CROP_SHARES), generator)])
    return _enlarge(stack, crop_px, generator)


def _enlarge(stack: StackExample, crop_px: int, generator: Generator) -> StackExample:
    """Enlarge a random crop with a side of ``crop_px`` to the size of the whole."""
    side = stack.planes.shape[-1]
    top, left = (_number(side - crop_px + 1, generator) for _ in range(2))
    planes = stack.planes[..., top : top + crop_px, left : left + crop_px]
    layered_depth = stack.layered_depth[..., top : top + crop_px, left : left + crop_px]
    if crop_px == side:
        return StackExample(planes, layered_depth)
    size = (side, side)
    return StackExample(
        functional.interpolate(planes, size, mode="bicubic").clamp(0, 1),
        functional.interpolate(layered_depth[None], size, mode="nearest")[0],
    )


def _flip(stack: StackExample, generator: Generator) -> StackExample:
    """Mirror along rows and columns and transpose, each for half of the stacks."""
    planes, layered_depth = stack.planes, stack.layered_depth
    for axes in ((-1,), (-2,)):
        if happens(0.5, generator):
            planes, layered_depth = planes.flip(axes), layered_depth.flip(axes)
    if happens(0.5, generator):
        planes, layered_depth = planes.transpose(-1, -2), layered_depth.transpose(-1, -2)
    return StackExample(planes, layered_depth)


def _add_defects(planes: Tensor, generator: Generator) -> Tensor:
    """Add defects: grey, dim light with glare, flicker, low contrast, shift, JPEG, noise."""
    count, _, side, _ = planes.shape
    device = generator.device
    if happens(0.25, generator):
        planes = planes.mean(1, keepdim=True).expand_as(planes)
    if happens(0.3, generator):
        glare = _between(0, 0.15, generator) * _between(0, 1, generator)
        planes = planes * _between(0.3, 1, generator) + glare
    if happens(0.3, generator):
        gain = torch.randn(count, 1, 1, 1, generator=generator, device=device)
        planes = planes * (1 + 0.03 * gain)
    if happens(0.3, generator):
        planes = 0.5 + _between(0.3, 0.9, generator) * (planes - 0.5)
    if happens(0.35, generator):
        direction = torch.randn(count, 2, generator=generator, device=device)
        shift = 2 / side * _between(0.2, 1, generator) * direction
        zeros = torch.zeros(count, device=device)
        planes = place(planes, side, zeros + 1, zeros, shift, padding="reflection")
    if happens(0.35, generator):
        quality = torch.full((count,), _between(70, 98, generator), device=device)
        planes = jpeg(planes.clamp(0, 1), quality)
    noise = NOISE_STDS[_number(len(NOISE_STDS), generator)] * _between(0, 1, generator)
    planes = planes + noise * torch.randn(planes.shape, generator=generator, device=device)
    planes = planes.clamp(0, 1)
    return (planes * 255).round() / 255 if happens(0.7, generator) else planes


def _between(low: float, high: float, generator: Generator) -> float:
    """Return a uniform random number in low..high."""
    return float(uniform((1,), low, high, generator))


def _number(below: int, generator: Generator) -> int:
    """Return a random integer of 0 or more, below ``below``."""
    return int(torch.randint(below, (1,), generator=generator, device=generator.device))
