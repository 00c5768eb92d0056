"""Pairs that show little detail: sheets with rows of marks, and surfaces of one colour.

Pages, walls and blank slides are like that. Where neither plane shows detail, only shapes and what
lies on them tell the foreground from the background.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as functional

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import over, premultiply
from napari_focusstack.simulation.camera import expose
from napari_focusstack.simulation.foreground import random_alpha
from napari_focusstack.simulation.pairs import MARGIN_PX, Lens, Pairs
from napari_focusstack.simulation.shapes import happens, uniform
from napari_focusstack.simulation.textures import texture

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages

    Paint = Literal["marked", "plain", "photo"]

# The constants are conventions: they describe which scenes are drawn.
#: What the foreground and the background show, and how often.
FOREGROUNDS: dict[Paint, float] = {"marked": 0.5, "photo": 0.35, "plain": 0.15}
BACKGROUNDS: dict[Paint, float] = {"plain": 0.45, "marked": 0.25, "photo": 0.3}
#: Share of rectangles among the shapes of marked foregrounds, and of others.
SHEETS, OTHER_SHEETS = 0.7, 0.25
#: Range of the standard deviation of the foreground's blur, and of the background's, px.
SIGMA_PX, GREATEST_SIGMA_PX = (1.0, 7.0), 9.0
#: Ranges of the height of a row of marks and of the gap to the next, px, and share of rows that are
#: left out.
ROW_PX, GAP_PX, EMPTY_ROWS = (3.0, 14.0), (4.0, 40.0), 0.25


def sparse_pair(material: SourceImages, side: int, generator: Generator) -> Pairs:
    """Render one pair by Eqs. 3 and 4 in which large parts show no detail.

    Of the foreground and the background one shows something at least.

    Parameters
    ----------
    material : SourceImages
        Images to draw from.
    side : int
        Side of the pair, px, a multiple of 8.
    generator : torch.Generator
        Random numbers, on the device of the images.

    Returns
    -------
    Pairs
    """
    full = side + 2 * MARGIN_PX
    kinds = _drawn(FOREGROUNDS, generator), _drawn(BACKGROUNDS, generator)
    if kinds[0] == "plain":
        kinds = "plain", "photo"
    colours, background = (_painted(material, full, kind, generator) for kind in kinds)
    sheets = SHEETS if kinds[0] == "marked" else OTHER_SHEETS
    is_sheet = happens(sheets, generator)
    alpha = sheet(full, generator) if is_sheet else random_alpha(material, 1, full, generator)
    layer, lens = premultiply(colours, alpha), Lens.random(generator)
    low, high = (math.log(sigma) for sigma in SIGMA_PX)
    sigma3 = uniform((1,), low, high, generator).exp()
    spread = 0.3 * torch.randn(1, generator=generator, device=generator.device)
    sigma2 = (sigma3 * spread.exp()).clamp(0.8, GREATEST_SIGMA_PX)
    images = (
        over(layer, lens.defocus(background, sigma2)),
        over(lens.defocus(layer, sigma3), background),
        over(layer, background),
        alpha,
    )
    inner = slice(MARGIN_PX, MARGIN_PX + side)
    near, far, truth, alpha = (image[..., inner, inner] for image in images)
    near, far, truth = expose(near, far, truth, 1.0, generator)
    return Pairs(near, far, alpha, sigma3, truth)


def _drawn(shares: dict[Paint, float], generator: Generator) -> Paint:
    """Draw a name by its share."""
    weights = torch.tensor(list(shares.values()), device=generator.device)
    return list(shares)[int(torch.multinomial(weights, 1, generator=generator))]


def _painted(material: SourceImages, side: int, kind: Paint, generator: Generator) -> Tensor:
    """Return the light of a surface, (1, 3, side, side)."""
    if kind == "photo":
        return texture(material, 1, side, 0.05, generator)
    return (marked if kind == "marked" else plain)(material, side, generator)


def plain(material: SourceImages, side: int, generator: Generator) -> Tensor:
    """Draw a surface of one colour, evenly or unevenly lit: (1, 3, side, side), linear light."""
    light = texture(material, 1, side, 1.0, generator)
    colour = light.mean((2, 3), keepdim=True)
    unevenness = blur(light, 12.0) / colour.clamp(min=1e-3) - 1
    return (colour * (1 + float(uniform((1,), 0, 0.4, generator)) * unevenness)).clamp(0, 1)


def marked(material: SourceImages, side: int, generator: Generator) -> Tensor:
    """Draw a surface of one colour with rows of marks, as of a script.

    Returns
    -------
    Tensor
        Shape (1, 3, side, side), linear light, 0..1.
    """
    paper = plain(material, side, generator)
    ink = torch.zeros(1, 1, side, side, device=generator.device)
    top = float(uniform((1,), 0, 30, generator))
    while top < side:
        height, gap = (float(uniform((1,), *limits, generator)) for limits in (ROW_PX, GAP_PX))
        rows = slice(int(top), min(side, int(top + height) + 1))
        if not happens(EMPTY_ROWS, generator):
            ink[..., rows, :] = _row(rows.stop - rows.start, side, generator)
        top += height + gap
    ink = blur(ink, 0.5).clamp(0, 1)
    if happens(0.3, generator):
        ink = ink.transpose(2, 3)
    limits = (1.3, 3.0) if happens(0.2, generator) else (0.02, 0.6)
    colour = paper.mean((2, 3), keepdim=True) * uniform((1,), *limits, generator)
    return torch.lerp(paper, colour.clamp(0, 1).expand_as(paper), ink)


def _row(height: int, width: int, generator: Generator) -> Tensor:
    """Return marks of a row, 0 or 1, (1, 1, height, width): strokes in words of a part of it."""
    device = generator.device

    def random(cells: tuple[int, int], mode: str) -> Tensor:
        noise = torch.rand(1, 1, *cells, generator=generator, device=device)
        return functional.interpolate(noise, (height, width), mode=mode)

    fine, stroke, word = (
        float(uniform((1,), low, high, generator)) for low, high in ((1.5, 4), (1.5, 5), (10, 60))
    )
    strokes = random((max(2, int(height / fine)), max(4, int(width / stroke))), "bilinear")
    words = random((1, max(2, int(width / word))), "nearest")
    begin, length, dense, gaps = (
        float(uniform((1,), low, high, generator))
        for low, high in ((-0.2, 0.6), (0.1, 1.3), (0.45, 0.7), (0.1, 0.5))
    )
    place = torch.linspace(0, 1, width, device=device)
    within = (place >= begin) & (place <= begin + length)
    return ((strokes > dense) & (words > gaps) & within).float()


def sheet(side: int, generator: Generator) -> Tensor:
    """Draw a turned rectangle, which the border may cut, some with round holes.

    Returns
    -------
    Tensor
        Shape (1, 1, side, side), 0..1, with antialiased edges.
    """
    axis = torch.linspace(-1, 1, 2 * side, device=generator.device)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    turn, right, down = (float(uniform((1,), -m, m, generator)) for m in (0.4, 0.9, 0.9))
    along = x * math.cos(turn) + y * math.sin(turn) - right
    across = y * math.cos(turn) - x * math.sin(turn) - down
    width, height = uniform((2,), 0.25, 1.3, generator).tolist()
    inside = (along.abs() < width) & (across.abs() < height)
    for _ in range(3):
        if happens(0.2, generator):
            radius = float(uniform((1,), 0.04, 0.25, generator))
            column, row = uniform((2,), -1, 1, generator).tolist()
            inside &= (x - column).square() + (y - row).square() > radius**2
    return functional.avg_pool2d(inside.float()[None, None], 2)
