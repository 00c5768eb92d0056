"""Scenes before a blank backdrop: lit from behind, or bright before black."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.segmentation.depth_inpainting import inpaint
from napari_focusstack.simulation.shapes import choose, uniform
from napari_focusstack.simulation.textures import texture

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages


#: Share of blank backdrops that are brighter than what stands before them; the others are black.
LIT = 0.75
#: Light of lit and of black ones, of full scale: what is more than 1 is overexposed.
LIT_LIGHT, BLACK_LIGHT = (0.4, 3.0), (0.0005, 0.02)
#: Light of a surface before a lit one, in shares of what it has of itself.
SHADE = (0.02, 0.5)
#: Share of surfaces without detail before blank backdrops.
FLAT = 0.4
#: Of planes that show a backdrop alike, the one nearest to the depth around is taken: a plane step
#: counts as much as covering this share of a pixel.
STEP_COVER = 0.005
#: Sigma of the surroundings over which planes are compared, px.
AROUND_PX = 1.5


def backdrop(
    material: SourceImages, side: int, generator: Generator
) -> tuple[Tensor, tuple[float, float]]:
    """Draw a backdrop without detail.

    Parameters
    ----------
    material : Material
        Pictures to draw from.
    side : int
        Side, px.
    generator : torch.Generator
        Source of chance, on the material's device.

    Returns
    -------
    light : Tensor
        Shape (1, 3, side, side), linear light.
    shade : (float, float)
        Range of what part of their light the surfaces before it keep.
    """
    light = texture(material, 1, side, 1.0, generator)
    lit = bool(choose(1, LIT, generator))
    low, high = LIT_LIGHT if lit else BLACK_LIGHT
    level = uniform((1,), math.log(low), math.log(high), generator).exp()
    return light * level / light.mean().clamp(min=1e-3), SHADE if lit else (1.0, 1.0)


def shaded(layer: Tensor, shade: tuple[float, float], generator: Generator) -> Tensor:
    """Dim the light of layers (B, C + 1, Y, X) to a part in a range."""
    low, high = shade
    part = uniform((len(layer), 1, 1, 1), math.log(low), math.log(high), generator).exp()
    return torch.cat([layer[:, :-1] * part, layer[:, -1:]], 1)


def clearest(cover: Tensor, sharp: Tensor, depth: Tensor, bare: Tensor) -> Tensor:
    """Return the plane that shows a blank backdrop best: what covers it does so as if it was sharp.

    Nothing tells how far a blank backdrop is; as good a depth as any is that of what stands around.

    Parameters
    ----------
    cover : Tensor
        Shape (P, Y, X), 0..1: how much of a pixel all that stands before the backdrop covers in
        each plane.
    sharp : Tensor
        Shape (Y, X), 0..1: how much of it that covers where it is in focus.
    depth : Tensor
        Shape (Y, X), plane steps: what is nearest in each pixel.
    bare : Tensor
        Bool, (Y, X): where that is the backdrop.

    Returns
    -------
    Tensor
        Shape (Y, X), whole plane steps.

    Examples
    --------
    >>> cover = torch.tensor([[1.0, 0.4, 0.0], [1.0, 0.0, 0.0], [1.0, 0.3, 0.0]])[:, None]
    >>> sharp, depth = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[1.0, 9.0, 9.0]])
    >>> clearest(cover, sharp, depth, depth == 9).tolist()
    [[1.0, 1.0, 1.0]]
    """
    around = inpaint(depth[None], (~bare)[None].to(depth))
    planes = torch.arange(len(cover), device=cover.device, dtype=depth.dtype)[:, None, None]
    unlike = blur((cover - sharp).abs(), AROUND_PX)
    return (unlike + STEP_COVER * (around - planes).abs()).argmin(0).to(depth)
