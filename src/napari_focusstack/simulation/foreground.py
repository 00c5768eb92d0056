"""Foreground layers of training scenes: an alpha, filled with a texture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear
from napari_focusstack.simulation.shapes import (
    alter,
    blobs,
    choose,
    mesh,
    mirrored,
    pick,
    place,
    stored_alpha,
    uniform,
)
from napari_focusstack.simulation.strands import filaments, fringe
from napari_focusstack.simulation.textures import texture

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages


def random_alpha(material: SourceImages, count: int, side: int, generator: Generator) -> Tensor:
    """Draw foreground alphas.

    Parameters
    ----------
    material : SourceImages
        Its shapes are used, if it has any.
    count, side : int
        Number of alphas, and their side in px.
    generator : torch.Generator
        Random numbers; the result is on its device.

    Returns
    -------
    Tensor
        Shape (count, 1, side, side), 0..1: solid shapes, shapes with holes, meshes, strands, hair
        and fur. Their edges are antialiased or softer.
    """

    def strands(alpha: Tensor) -> Tensor:
        free = filaments(len(alpha), side, generator)
        alone = choose(len(alpha), 0.4, generator)[:, None, None, None]
        return torch.where(alone, free, torch.maximum(alpha, free))

    changes: list[tuple[float, Callable[[Tensor], Tensor]]] = [
        (0.08, lambda alpha: mesh(len(alpha), side, generator)),
        (0.12, lambda alpha: alpha * (1 - blobs(len(alpha), side, generator))),
        (0.15, lambda alpha: 1 - alpha),
        (0.2, lambda alpha: fringe(alpha, generator)),
        (0.15, strands),
    ]
    if len(material.shapes):
        changes.insert(0, (0.6, lambda a: stored_alpha(material.shapes, len(a), side, generator)))
    changes.append((0.2, lambda alpha: _soften(alpha, 2.5, generator)))
    alpha = blobs(count, side, generator)
    for share, change in changes:
        alpha = alter(alpha, share, change, generator)
    return alpha


def foreground(
    material: SourceImages, background: Tensor, flat: float, mattes: float, generator: Generator
) -> Tensor:
    """Draw a foreground layer before each background.

    Parameters
    ----------
    material : SourceImages
        Images to draw from.
    background : Tensor
        Shape (B, 3, S, S), linear light; some foregrounds take its mean colour.
    flat : float
        Share of textures without detail.
    mattes : float
        Share of layers with the matte of a cutout, if there are any; half of these also have the
        colours of the cutout.
    generator : torch.Generator
        Random numbers.

    Returns
    -------
    Tensor
        Shape (B, 4, S, S): premultiplied linear light, then alpha.
    """
    count, side = len(background), background.shape[-1]
    colours = texture(material, count, side, flat, generator)
    low_contrast = choose(count, 0.2, generator)[:, None, None, None]
    gain = background.mean((2, 3), keepdim=True) / colours.mean((2, 3), keepdim=True).clamp(1e-3)
    colours = torch.where(low_contrast, (colours * gain).clamp(0, 1), colours)
    layer = premultiply(colours, random_alpha(material, count, side, generator))
    if len(material.cutouts):
        cutouts = _cutouts(material, count, side, generator)
        has_matte = choose(count, mattes, generator)[:, None, None, None]
        in_its_colours = choose(count, 0.5, generator)[:, None, None, None]
        matted = torch.where(in_its_colours, cutouts, premultiply(colours, cutouts[:, 3:]))
        layer = torch.where(has_matte, matted, layer)
    return alter(layer, 0.3, lambda a: _soften(a, 1.0, generator), generator)


def similar_region(picture: Tensor, generator: Generator) -> Tensor:
    """Draw a region of similar colour around a random pixel of a picture.

    Parameters
    ----------
    picture : Tensor
        Shape (B, 3, S, S), linear light.
    generator : torch.Generator
        Random numbers.

    Returns
    -------
    Tensor
        Shape (B, 1, S, S), 0..1: alpha with antialiased edges.
    """
    count, side = len(picture), picture.shape[-1]
    colour = linear_to_srgb(blur(picture, 1.5).clamp(0, 1))
    axis = torch.linspace(-1, 1, side, device=picture.device)
    position = torch.stack(torch.meshgrid(axis, axis, indexing="ij")).expand(count, -1, -1, -1)
    weight = uniform((count, 1, 1, 1), 0.5, 3.0, generator)
    features = torch.cat([weight * colour, position], 1).flatten(2)
    seed = torch.randint(side**2, (count,), generator=generator, device=picture.device)
    distance = (features - features[torch.arange(count), :, seed][..., None]).square().sum(1)
    size = torch.randint(side**2 // 20, side**2 // 3, (1,), generator=generator, device=seed.device)
    limit = distance.kthvalue(int(size)).values
    alpha = (distance <= limit[:, None]).to(picture).unflatten(1, (1, side, side))
    return blur(alpha, 0.5)


def _soften(layer: Tensor, max_px: float, generator: Generator) -> Tensor:
    """Blur layers (B, C, Y, X), each by a random sigma of 0.3 px to ``max_px``."""
    return blur(layer, uniform((len(layer),), 0.3, max_px, generator))


def _cutouts(material: SourceImages, count: int, side: int, generator: Generator) -> Tensor:
    """Return cutouts placed at random, (count, 4, side, side), premultiplied linear light."""
    cutouts = pick(material.cutouts, count, generator)
    placed = place(
        premultiply(srgb_to_linear(cutouts[:, :3]), cutouts[:, 3:]),
        side,
        # from the whole cutout to a part of it at its full resolution
        (side / cutouts.shape[-1]) ** uniform((count,), -0.1, 1.0, generator)
        * uniform((count,), 0.8, 1.2, generator),
        uniform((count,), -0.5, 0.5, generator),
        uniform((count, 2), -0.6, 0.6, generator),
        padding="zeros",
    ).clamp(0, 1)
    # bicubic sampling overshoots; premultiplied light is at most alpha
    placed = torch.cat([placed[:, :3].minimum(placed[:, 3:]), placed[:, 3:]], 1)
    return mirrored(placed, generator)
