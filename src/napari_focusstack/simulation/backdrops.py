"""Blank backdrops: brighter than the surfaces before them, or black."""

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


# The constants are conventions: they describe which scenes are drawn.
#: Share of blank backdrops that are brighter than the surfaces before them; the others are dark.
BRIGHT_SHARE = 0.75
#: Ranges of the mean light of bright and of dark backdrops, of full scale; above 1 is overexposed.
BRIGHT_LIGHT_RANGE, DARK_LIGHT_RANGE = (0.4, 3.0), (0.0005, 0.02)
#: Range of the share of its light that a surface before a bright backdrop keeps.
SHADE_RANGE = (0.02, 0.5)
#: Share of the surfaces before blank backdrops that have no detail.
FLAT_SHARE = 0.4
#: Coverage of a pixel that counts as much as one plane step of distance to the surrounding depth.
COVER_PER_STEP = 0.005
#: Sigma of the Gaussian window over which planes are compared, px.
COMPARISON_SIGMA_PX = 1.5


def backdrop(
    material: SourceImages, side: int, generator: Generator
) -> tuple[Tensor, tuple[float, float]]:
    """Draw a backdrop without detail.

    Parameters
    ----------
    material : SourceImages
        Its photos give the colours.
    side : int
        Side, px.
    generator : torch.Generator
        Random numbers, on the device of the images.

    Returns
    -------
    light : Tensor
        Shape (1, 3, side, side), linear light.
    shade : (float, float)
        Range of the share of their light that the surfaces before it keep.
    """
    light = texture(material, 1, side, 1.0, generator)
    is_bright = bool(choose(1, BRIGHT_SHARE, generator))
    low, high = BRIGHT_LIGHT_RANGE if is_bright else DARK_LIGHT_RANGE
    level = uniform((1,), math.log(low), math.log(high), generator).exp()
    return light * level / light.mean().clamp(min=1e-3), SHADE_RANGE if is_bright else (1.0, 1.0)


def shaded(layer: Tensor, shade: tuple[float, float], generator: Generator) -> Tensor:
    """Dim layers (B, C + 1, Y, X), each to a random share of its light in a range."""
    low, high = shade
    share = uniform((len(layer), 1, 1, 1), math.log(low), math.log(high), generator).exp()
    return torch.cat([layer[:, :-1] * share, layer[:, -1:]], 1)


def clearest(cover: Tensor, sharp: Tensor, depth: Tensor, bare: Tensor) -> Tensor:
    """Return the plane that shows a blank backdrop best.

    It is the plane in which the coverage by the surfaces before the backdrop is closest to their
    coverage in focus. The depth of a blank backdrop itself cannot be estimated, so among equal
    planes the one closest to the depth of the surroundings is taken.

    Parameters
    ----------
    cover : Tensor
        Shape (P, Y, X), 0..1: coverage of each pixel in each plane by all surfaces before the
        backdrop.
    sharp : Tensor
        Shape (Y, X), 0..1: the same coverage with all of them in focus.
    depth : Tensor
        Shape (Y, X), plane steps: depth of the nearest surface in each pixel.
    bare : Tensor
        Bool, (Y, X): where that surface is the backdrop.

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
    difference = blur((cover - sharp).abs(), COMPARISON_SIGMA_PX)
    return (difference + COVER_PER_STEP * (around - planes).abs()).argmin(0).to(depth)
