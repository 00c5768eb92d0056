"""Random scenes for the thin lens: specimens, bristles, layers, cut-up photographs and rooms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_focusstack.simulation.chance import log_uniform
from napari_focusstack.simulation.thin_lens.aperture import Aperture
from napari_focusstack.simulation.thin_lens.lens import ThinLens
from napari_focusstack.simulation.thin_lens.mattes import cutout, matte
from napari_focusstack.simulation.thin_lens.paints import blank, paint, photograph_of
from napari_focusstack.simulation.thin_lens.reliefs import bumps, relief, slope
from napari_focusstack.simulation.thin_lens.scene import Scene, Surface, gentle

if TYPE_CHECKING:
    from numpy.random import Generator

    from napari_focusstack.simulation.material import SourceImages

#: Kinds of scenes and their shares.
KINDS = ("layers", "bristles", "specimen", "parts", "room")
SHARES = (0.3, 0.17, 0.23, 0.15, 0.15)

#: Log of the share of their light that surfaces keep against the light, and of its mean light; more
#: than 1 is clipped.
SHADE, LAMP = (np.log(0.02), np.log(0.4)), (np.log(0.5), np.log(2.5))


@dataclass(frozen=True)
class SceneParameters:
    """Which scenes and planes are drawn.

    Parameters
    ----------
    side_px : int
        Side of the pictures, px.
    fewest_planes, most_planes : int
        Planes between the two ends.
    least_range_px, greatest_range_px : float
        Difference of disparity of the first and the last plane: the greatest radius of blur of what
        lies between them, px.
    bare : float
        Share of surfaces without detail.
    bare_background : float
        The same of what covers everything.
    beyond : float
        Share of scenes whose background is never in focus.
    uneven : float
        Share of stacks whose planes are not evenly spaced.
    backlit : float
        Share of scenes of dark surfaces before a bright, even background, as in transmitted light.
    """

    side_px: int = 144
    fewest_planes: int = 2
    most_planes: int = 17
    least_range_px: float = 1.5
    greatest_range_px: float = 18.0
    bare: float = 0.2
    bare_background: float = 0.45
    beyond: float = 0.3
    uneven: float = 0.3
    backlit: float = 0.0


def draw_lens(parameters: SceneParameters, generator: Generator) -> ThinLens:
    """Draw a lens and its planes."""
    low, high = np.log([parameters.fewest_planes, parameters.most_planes + 0.99])
    planes = int(np.exp(generator.uniform(low, high)))
    greatest = min(parameters.greatest_range_px, 3.5 * planes)
    range_px = log_uniform(parameters.least_range_px, greatest, generator)
    places = np.linspace(0.5, -0.5, planes)
    if generator.random() < parameters.uneven:
        gaps = generator.uniform(0.4, 1.6, planes - 1)
        places = 0.5 - np.concatenate([[0], np.cumsum(gaps) / gaps.sum()])
    blades = int(generator.choice([0, 5, 6, 7, 8], p=[0.6, 0.1, 0.1, 0.1, 0.1]))
    eclipse = generator.uniform(0.2, 0.9) if generator.random() < 0.2 else 0.0
    aperture = Aperture(
        blades, generator.uniform(0, 2 * np.pi), eclipse, generator.uniform(0, 2 * np.pi)
    )
    shift = 0.0
    if generator.random() < 0.15:
        shift = float(generator.uniform(-0.5, 0.5))
    return ThinLens(
        parameters.side_px,
        tuple((places * range_px).tolist()),
        aperture,
        generator.uniform(0.3, 0.65),
        (shift, 0.0, -shift),
        seed=int(generator.integers(2**31)),
    )


def draw_scene(
    material: SourceImages,
    lens: ThinLens,
    parameters: SceneParameters,
    generator: Generator,
    kind: str | None = None,
) -> Scene:
    """Draw a scene that suits a lens.

    Parameters
    ----------
    material : SourceImages
        Photos, shapes and cutouts.
    lens : ThinLens
        What it will be seen through; most surfaces lie between its planes.
    parameters : SceneParameters
        Shares.
    generator : numpy.random.Generator
        Source of chance.
    kind : {"layers", "bristles", "specimen", "parts", "room"}, optional
        Drawn by chance, if not given.

    Returns
    -------
    Scene
    """
    near, far = lens.disparities_px[0], lens.disparities_px[-1]
    span = near - far
    beyond = generator.random() < parameters.beyond
    depth = far - span * generator.uniform(0.2, 0.8) if beyond else far + span * _deep(generator)
    greatest = max(abs(near), abs(depth)) + 0.35 * span
    side = 2 * lens.canvas_px(greatest)
    drawing = _Drawing(material, side, near, far, parameters, generator)
    chosen = kind or generator.choice(KINDS, p=SHARES)
    surfaces = {
        "layers": drawing.layers,
        "bristles": drawing.bristles,
        "specimen": drawing.specimen,
        "parts": drawing.parts,
        "room": drawing.room,
    }[chosen](float(depth), beyond)
    if parameters.backlit and generator.random() < parameters.backlit:
        surfaces = [_against_the_light(surface, side, generator) for surface in surfaces]
    return Scene(tuple(surfaces))


def _against_the_light(surface: Surface, side: int, generator: Generator) -> Surface:
    """Return a surface in the shade, or a background that shines."""
    if surface.alpha is not None:
        return replace(surface, light=surface.light * np.exp(generator.uniform(*SHADE)))
    level = np.exp(generator.uniform(*LAMP))
    light = blank(side, generator)
    return replace(surface, light=light * level / max(float(light.mean()), 1e-3))


def _deep(generator: Generator) -> float:
    """Return where a background lies between the last plane, 0, and the first, 1."""
    return float(generator.uniform(0, 0.3))


@dataclass(frozen=True)
class _Drawing:
    """Draws the surfaces of one scene; disparities in px, sides in canvas px."""

    material: SourceImages
    side: int
    near: float
    far: float
    parameters: SceneParameters
    generator: Generator

    @property
    def span(self) -> float:
        return self.near - self.far

    def background(self, depth: float, reach: float, bare: float | None = None) -> Surface:
        """Return what covers everything."""
        share = self.parameters.bare_background if bare is None else bare
        light = paint(self.material, self.side, share, self.generator)
        return Surface(light, None, self._relief(depth, reach))

    def layers(self, depth: float, beyond: bool) -> list[Surface]:
        """Return one to three surfaces before a background."""
        count = int(self.generator.integers(1, 4))
        places = np.sort(self.generator.uniform(0.25, 1.05, count))[::-1]
        surfaces = [self._piece(self.far + self.span * place) for place in places]
        return [*surfaces, self.background(depth, 0 if beyond else 0.15 * self.span)]

    def bristles(self, depth: float, beyond: bool) -> list[Surface]:
        """Return strands at several depths before a body and a background."""
        count = int(self.generator.integers(2, 5))
        colour = blank(self.side, self.generator)
        surfaces = []
        for place in np.sort(self.generator.uniform(0.4, 1.1, count))[::-1]:
            alpha = matte(self.material, self.side, self.generator, "strands")
            light = colour if self.generator.random() < 0.6 else blank(self.side, self.generator)
            tilted = slope(self.side, self.generator.uniform(0, 2 * np.pi))
            raised = self.far + self.span * (place + self.generator.uniform(0, 0.25) * tilted)
            surfaces.append(Surface(light, alpha, gentle(raised)))
        body = self._piece(self.far + self.span * self.generator.uniform(0.2, 0.6))
        return [*surfaces, body, self.background(depth, 0 if beyond else 0.1 * self.span)]

    def specimen(self, depth: float, beyond: bool) -> list[Surface]:
        """Return one curved body that runs through most planes, mostly on blank ground."""
        light = paint(self.material, self.side, 0.1, self.generator)
        middle = self.far + self.span * self.generator.uniform(0.35, 0.65)
        raised = self._relief(middle, 0.6 * self.span)
        if self.generator.random() < 0.25:
            return [Surface(light, None, raised)]
        alpha = matte(self.material, self.side, self.generator, "stored")
        ground = self.background(min(depth, middle), 0, bare=0.75)
        body = [Surface(light, alpha, raised)]
        if self.generator.random() < 0.4:
            front = self.far + self.span * self.generator.uniform(0.7, 1.05)
            body.insert(0, Surface(light, self._strands(), front))
        return [*body, ground]

    def parts(self, depth: float, beyond: bool) -> list[Surface]:
        """Return one photograph cut into surfaces, each of which goes on behind the nearer ones."""
        light = photograph_of(self.material, self.side, 0.0, self.generator)
        field = bumps(self.side, int(self.generator.integers(2, 6)), self.generator)
        grey = cv2.GaussianBlur(light.mean(-1), (0, 0), self.generator.uniform(2, 8))
        field = field + self.generator.uniform(0, 2) * (grey - grey.mean()) / (grey.std() + 1e-3)
        count = int(self.generator.integers(2, 7))
        levels = np.quantile(field, np.sort(self.generator.uniform(0.15, 0.9, count)))[::-1]
        places = np.sort(self.generator.uniform(0.1, 1.0, count))[::-1]
        softness = self.generator.uniform(0.7, 1.5)
        surfaces = []
        for level, place in zip(levels, places, strict=True):
            alpha = cv2.GaussianBlur((field > level).astype(np.float32), (0, 0), softness)
            raised = self._relief(self.far + self.span * place, 0.06 * self.span)
            surfaces.append(Surface(light, alpha, raised))
        return [*surfaces, Surface(light, None, self._relief(depth, 0.0 if beyond else 0.1))]

    def room(self, depth: float, beyond: bool) -> list[Surface]:
        """Return a wall, a floor that runs from the wall to the front, and many things between."""
        side, generator = self.side, self.generator
        y = np.linspace(0, 1, side, dtype=np.float32)[:, None]
        horizon = generator.uniform(0.3, 0.7)
        rise = np.broadcast_to((y - horizon).clip(min=0) / (1 - horizon), (side, side))
        floor_depth = depth + (self.near - depth) * generator.uniform(0.6, 1.0) * rise
        floor_alpha = cv2.GaussianBlur((rise > 0).astype(np.float32), (0, 0), 0.8)
        floor = Surface(
            paint(self.material, side, 0.3, generator), floor_alpha, gentle(floor_depth)
        )
        things = [
            self._piece(self.far + self.span * place, flat=generator.random() < 0.7)
            for place in np.sort(generator.uniform(0.05, 1.05, generator.integers(4, 8)))[::-1]
        ]
        return [*things, floor, self.background(depth, 0.0)]

    def _piece(self, depth: float, flat: bool = False) -> Surface:
        """Return a surface with an outline about a depth."""
        if len(self.material.cutouts) and self.generator.random() < 0.15:
            light, alpha = cutout(self.material, self.side, self.generator)
        else:
            light = paint(self.material, self.side, self.parameters.bare, self.generator)
            alpha = matte(self.material, self.side, self.generator)
            if self.generator.random() < 0.08:
                alpha = alpha * np.float32(self.generator.uniform(0.3, 0.9))
        return Surface(light, alpha, self._relief(depth, 0.0 if flat else 0.2 * self.span))

    def _strands(self) -> np.ndarray:
        return matte(self.material, self.side, self.generator, "strands")

    def _relief(self, depth: float, reach: float) -> np.ndarray | float:
        return relief(self.side, depth, reach, self.generator)
