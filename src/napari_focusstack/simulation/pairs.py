"""Near/far pairs with ground truth, rendered on the device by the imaging model (Eqs. 3 and 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import over
from napari_focusstack.simulation.camera import expose
from napari_focusstack.simulation.foreground import foreground
from napari_focusstack.simulation.shapes import alter, choose, place, smooth_noise, uniform
from napari_focusstack.simulation.textures import texture

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages


#: Margin that is rendered around an image and cut off, px (convention), so that its borders receive
#: light from outside as in a photograph.
MARGIN_PX = 16


@dataclass(frozen=True)
class Pairs:
    """A batch of pairs with ground truth.

    Parameters
    ----------
    near, far : Tensor
        Shape (B, 3, Y, X), coded as sRGB, 0..1, as FSB and KEB read them.
    alpha : Tensor
        Shape (B, 1, Y, X), 0..1: coverage of each pixel by surfaces in focus in the near plane.
    sigma_px : Tensor
        Shape (B,): sigma of K3, the blur of the foreground in the far plane, px.
    all_in_focus : Tensor
        Shape (B, 3, Y, X), linear light: the scene with every layer in focus, without noise.
    """

    near: Tensor
    far: Tensor
    alpha: Tensor
    sigma_px: Tensor
    all_in_focus: Tensor

    @property
    def planes(self) -> Tensor:
        """Near and far plane as one input (B, 6, Y, X) of the networks."""
        return torch.cat([self.near, self.far], 1)


@dataclass(frozen=True)
class SceneParameters:
    """Distribution of random scenes.

    Parameters
    ----------
    sigma_px : tuple of float
        Range of the PSF sigma, drawn log-uniformly, px.
    second_layer, third_layer : float
        Share of scenes with a second foreground layer of another blur behind the first, and with a
        third behind that.
    curved : float
        Share of scenes whose background is a curved surface that passes through both planes.
    flat : float
        Share of textures without detail, so that only edges show focus.
    mattes : float
        Share of foregrounds with the matte of a cutout, such as hair, if there are any; half of
        them in the colours of the cutout.
    defects : float
        Scale of noise, exposure change, shift and breathing; 0 renders the imaging model alone.
    """

    sigma_px: tuple[float, float] = (0.7, 12.0)
    second_layer: float = 0.2
    third_layer: float = 0.05
    curved: float = 0.1
    flat: float = 0.25
    mattes: float = 0.25
    defects: float = 1.0


#: KEB estimates a single sigma, so its scenes have one foreground layer over a plane background.
KEB_SCENES = SceneParameters(second_layer=0.0, third_layer=0.0, curved=0.0)


def synthesise(
    material: SourceImages, count: int, side: int, generator: Generator, scenes: SceneParameters
) -> Pairs:
    """Render pairs by Eqs. 3 and 4 from random textures, shapes and blurs.

    Parameters
    ----------
    material : SourceImages
        Images to draw from.
    count, side : int
        Number of pairs, and their side in px, a multiple of 8.
    generator : torch.Generator
        Random numbers, on the device of the images.
    scenes : SceneParameters
        Distribution of the scenes.

    Returns
    -------
    Pairs
    """
    full = side + 2 * MARGIN_PX
    lens = Lens.random(generator)
    low, high = (math.log(sigma) for sigma in scenes.sigma_px)
    sigma3 = uniform((count,), low, high, generator).exp()
    spread = torch.randn(count, generator=generator, device=generator.device) * 0.35
    sigma2 = (sigma3 * spread.exp()).clamp(0.5, scenes.sigma_px[1])

    truth = texture(material, count, full, scenes.flat, generator)
    alpha, near, far = _background(truth, sigma2, lens, scenes.curved, generator)
    far = _move(far, 0.0, 0.3, scenes.defects, generator)
    for order, share in enumerate((scenes.third_layer, scenes.second_layer, 1.0)):
        present = choose(count, share, generator)
        if not present.any():
            continue
        layer = foreground(material, truth[present], scenes.flat, scenes.mattes, generator)
        alpha[present] = 1 - (1 - alpha[present]) * (1 - layer[:, 3:])
        truth[present], near[present] = over(layer, truth[present]), over(layer, near[present])
        other = (sigma3 * uniform((count,), 0.4, 1.6, generator)).clamp(*scenes.sigma_px)
        sigma = (sigma3 if order == 2 else other)[present]  # sigma3 is that of the front layer
        defocused = lens.defocus(_move(layer, 0.015, 1.0, scenes.defects, generator), sigma)
        far[present] = over(defocused, far[present])
    inner = slice(MARGIN_PX, MARGIN_PX + side)
    near, far, truth, alpha = (image[..., inner, inner] for image in (near, far, truth, alpha))
    near, far, truth = expose(near, far, truth, scenes.defects, generator)
    return Pairs(near, far, alpha.clamp(0, 1), sigma3, truth)


@dataclass(frozen=True)
class Lens:
    """A PSF between disk and Gaussian: their convolution, with shares of the variance."""

    gaussian_share: float

    @classmethod
    def random(cls, generator: Generator) -> Lens:
        """Draw a disk, a Gaussian or a PSF between them, with equal probability."""
        kind = int(torch.randint(3, (1,), generator=generator, device=generator.device))
        between = float(uniform((1,), 0.1, 0.9, generator))
        return cls((0.0, 1.0, between)[kind])

    def defocus(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        """Blur a batch (B, C, Y, X), each image by a sigma of (B,), px."""
        if self.gaussian_share < 1:
            image = blur(image, sigma_px * math.sqrt(1 - self.gaussian_share), "disk")
        if self.gaussian_share > 0:
            image = blur(image, sigma_px * math.sqrt(self.gaussian_share), "gaussian")
        return image


def _background(
    truth: Tensor, sigma_px: Tensor, lens: Lens, curved: float, generator: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Return alpha, near and far plane of a background without any layer before it."""
    alpha, near, far = (
        torch.zeros_like(truth[:, :1]),
        lens.defocus(truth, sigma_px),
        truth.clone(),
    )
    is_curved = choose(len(truth), curved, generator)
    if is_curved.any():
        sharp, sigma = truth[is_curved], sigma_px[is_curved]
        depth = 0.5 + 0.6 * smooth_noise(len(sharp), truth.shape[-1], 1, generator)
        depth = depth.clamp(0, 1)
        blurred = [lens.defocus(sharp, sigma * share) for share in (1 / 3, 2 / 3)]
        levels = torch.stack([sharp, *blurred, near[is_curved]])
        alpha[is_curved] = (0.5 + 8 * (0.5 - depth)).clamp(0, 1)
        near[is_curved] = _interpolate(levels, depth)
        far[is_curved] = _interpolate(levels, 1 - depth)
    return alpha, near, far


def _interpolate(levels: Tensor, position: Tensor) -> Tensor:
    """Interpolate equally spaced blur levels (L, B, C, Y, X) at a position 0..1 per pixel."""
    index = position * (len(levels) - 1)
    weights = [(1 - (index - level).abs()).clamp(min=0) for level in range(len(levels))]
    return sum(
        (w * image for w, image in zip(weights, levels, strict=True)), torch.zeros_like(levels[0])
    )


def _move(
    image: Tensor, magnification: float, shift_px: float, defects: float, generator: Generator
) -> Tensor:
    """Magnify and shift 35% of the images slightly, as breathing and drift do.

    ``magnification`` and ``shift_px`` are standard deviations.
    """
    side = image.shape[-1]

    def move(chosen: Tensor) -> Tensor:
        normal = torch.randn(len(chosen), 3, generator=generator, device=generator.device) * defects
        zoom, shift = 1 + magnification * normal[:, 0], 2 * shift_px * normal[:, 1:] / side
        no_rotation = torch.zeros_like(zoom)
        return place(chosen, side, zoom, no_rotation, shift, padding="reflection").clamp(0, 1)

    return alter(image, 0.35, move, generator) if defects else image
