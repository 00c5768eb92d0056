"""Fixtures and rules that every test shares."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from scipy import ndimage

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import (
    composite_defocused,
    far_focus,
    near_focus,
    over,
    premultiply,
)
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.planes.focal_stack import FocalStack

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REQUIRE_SHARED = "NAPARI_FOCUSSTACK_REQUIRE_SHARED"

# A loaded machine is slow, not wrong: no deadline per example.
settings.register_profile("napari-focusstack", deadline=None)
settings.load_profile("napari-focusstack")


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        torch.set_num_threads(1)  # of several processes, each has one core
    if os.environ.get(REQUIRE_SHARED) == "1" and not SHARED_DATA.is_dir():
        raise pytest.UsageError(f"{REQUIRE_SHARED}=1, but {SHARED_DATA} does not exist")


@pytest.hookimpl(tryfirst=True)  # before -m deselects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = pytest.mark.skip(reason=f"needs {SHARED_DATA}, which is not distributed")
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared")
        if item.get_closest_marker("shared") and not SHARED_DATA.is_dir():
            item.add_marker(absent)


@dataclass(frozen=True)
class Light:
    """Samples light of planes (C, Y, X), nearest first: of one plane, or as labels say."""

    planes: list[torch.Tensor]

    def plane(self, number, region):
        return self.planes[number - 1][:, *region]

    def by_label(self, labels, region):
        parts = {int(label): self.plane(int(label), region) for label in labels.unique()}
        return sum(torch.where(labels == label, part, 0) for label, part in parts.items())

    def shows(self, labels, region):
        return None


@pytest.fixture(scope="session")
def light_of():
    """Samples light: light_of(planes), planes as tensors (C, Y, X), nearest first."""
    return Light


@pytest.fixture(scope="session")
def bundled_pictures():
    """The pictures of scikit-image from which scenes are rendered, decoded once."""
    from napari_focusstack.simulation.cases import bundled_material

    return bundled_material()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the real and training material; a test that asks for it is marked `shared`."""
    return SHARED_DATA


@dataclass(frozen=True)
class Scene:
    """A pair rendered by Eqs. 3 and 4, and all that it was made of, in linear light (C, Y, X)."""

    foreground: torch.Tensor
    alpha: torch.Tensor
    background: torch.Tensor
    near: torch.Tensor
    far: torch.Tensor
    truth: torch.Tensor

    def planes(self, dtype: str = "uint8", *, grey: bool = False) -> list[np.ndarray]:
        """Near and far plane as a camera writes them: 8-bit RGB as sRGB, all else linear."""
        return [encode(light, dtype, grey=grey) for light in (self.near, self.far)]

    @property
    def mask(self) -> np.ndarray:
        """Hard view of alpha, bool (Y, X)."""
        return self.alpha[0].numpy() > 0.5


def encode(light: torch.Tensor, dtype: str, *, grey: bool) -> np.ndarray:
    """Light (3, Y, X) as an image (Y, X, 3) or grey (Y, X) of a dtype."""
    values = light.mean(0) if grey else light.permute(1, 2, 0)
    if dtype == "uint8" and not grey:
        values = linear_to_srgb(values)
    peak = {"uint8": 255, "uint16": 60000, "float32": 7.5}[dtype]
    values = values.clamp(0, 1).numpy() * peak
    return values.astype(dtype) if dtype == "float32" else np.rint(values).astype(dtype)


def texture(side: int, seed: int) -> torch.Tensor:
    """Structure at several scales, (3, side, side), 0.03 to 0.97, linear light."""
    rng = np.random.default_rng(seed)
    field = sum(
        ndimage.gaussian_filter(rng.standard_normal((3, side, side)), (0, s, s)) * s
        for s in (0.7, 1.5, 4)
    )
    return torch.from_numpy(0.03 + 0.94 * (0.5 + 0.5 * np.tanh(1.2 * field))).float()


def round_alpha(side: int, radius: float, softness: float = 1.0) -> torch.Tensor:
    """A round foreground with a wavy outline, its edge `softness` px wide, (1, side, side)."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    outline = radius * (1 + 0.12 * np.sin(3 * np.arctan2(y, x)))
    inside = (outline - np.hypot(y, x)) / softness
    return torch.from_numpy(np.clip(0.5 + inside, 0, 1)).float()[None]


@cache
def scene(
    sigma_px: float = 3.0,
    *,
    sigma_background_px: float | None = None,
    shape: str = "gaussian",
    softness: float = 1.0,
    side: int = 96,
    seed: int = 0,
) -> Scene:
    foreground = 0.5 + 0.5 * texture(side, 2 * seed)  # brighter, so that its halo shows
    background = 0.6 * texture(side, 2 * seed + 1)
    alpha = round_alpha(side, side / 4, softness)
    return Scene(
        foreground,
        alpha,
        background,
        near_focus(foreground, alpha, background, sigma_background_px or sigma_px, shape),
        far_focus(foreground, alpha, background, sigma_px, shape),
        composite_defocused(foreground, alpha, background, 0.0),
    )


@pytest.fixture(scope="session")
def make_scene() -> Callable[..., Scene]:
    """Renders a pair: make_scene(sigma_px, shape=..., softness=..., side=..., seed=...)."""
    return scene


@dataclass(frozen=True)
class FocalStackScene:
    """A stack of three surfaces, each wholly in focus in one plane, and what it was made of."""

    images: list[torch.Tensor]
    truth: torch.Tensor
    labels: np.ndarray

    def planes(self, dtype: str = "uint8", *, grey: bool = False) -> list[np.ndarray]:
        """The planes as a camera writes them, nearest first."""
        return [encode(light, dtype, grey=grey) for light in self.images]


@pytest.fixture(scope="session")
def focal_stack_of():
    """Return a function that checks planes and returns their stack, on the CPU."""
    return lambda planes: FocalStack(planes, "auto", torch.device("cpu"), 2**34)


@cache
def focal_stack_scene(
    planes: int = 5, sigma_px: float = 1.5, *, side: int = 96, seed: int = 0
) -> FocalStackScene:
    alphas = [
        torch.ones(1, side, side),
        round_alpha(side, side / 5).roll((side // 6, side // 4), (1, 2)),
        round_alpha(side, side / 5),
    ]
    depths = [planes, (planes + 1) // 2, 1]
    layers = [
        premultiply(0.25 * number + 0.5 * texture(side, 10 * seed + number)[None], alpha[None])
        for number, alpha in enumerate(alphas)
    ]
    images = []
    for plane in range(1, planes + 1):
        image = torch.zeros(1, 3, side, side)
        for layer, depth in zip(layers, depths, strict=True):
            image = over(blur(layer, sigma_px * abs(depth - plane)), image)
        images.append(image[0])
    truth, labels = torch.zeros(1, 3, side, side), np.zeros((side, side), np.uint8)
    for layer, alpha, depth in zip(layers, alphas, depths, strict=True):
        truth = over(layer, truth)
        labels[alpha[0].numpy() > 0.5] = depth
    return FocalStackScene(images, truth[0], labels)


@pytest.fixture(scope="session")
def make_focal_stack() -> Callable[..., FocalStackScene]:
    """Renders a stack: make_focal_stack(planes, sigma per plane step, side=..., seed=...)."""
    return focal_stack_scene


@pytest.fixture(scope="session")
def fsb_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of an FSB that answers with the classical focus measure and needs no training."""
    network = FSB(width=8, down=(2, 4))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()  # each MSRB passes its input on
        for channel, sign in ((0, 1), (1, -1)):  # ReLU keeps the two signs apart
            network.stem.weight[channel, 7, 1, 1] = sign
            network.head[0].weight[channel, channel, 1, 1] = 1
            network.head[2].weight[channel, channel, 1, 1] = 1
            network.head[4].weight[0, channel, 1, 1] = 4 * sign
    path = tmp_path_factory.mktemp("fsb") / "fsb.safetensors"
    weights.save(network, path)
    return path


@pytest.fixture
def parameters(fsb_weights: Path, deb_weights: Path, keb_weights: Path) -> FuseParameters:
    """Settings with which a pair of 64 px is fused in a fraction of a second."""
    return FuseParameters(
        psf=2.0,
        psf_shape="gaussian",
        crf=False,
        fsb_weights=str(fsb_weights),
        deb_weights=str(deb_weights),
        keb_weights=str(keb_weights),
        device="cpu",
    )


@pytest.fixture(scope="session")
def deb_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a DEB that answers with the classical focus measure, its mean over some 10 px."""
    network = DEB(width=8, levels=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        sharp = network.stem_fine.weight[0, :4]
        sharp.fill_(1 / sharp.numel())
        network.stem_fine.bias[0] = 4  # the measure is a logarithm; ReLU lets positives pass
        network.head.weight[:, 0] = 30 / 9
    path = tmp_path_factory.mktemp("deb") / "deb.safetensors"
    weights.save(network, path)
    return path


@pytest.fixture(scope="session")
def keb_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a KEB that answers 3 px whatever it sees."""
    network = KEB(width=8)
    with torch.no_grad():
        network.answer[4].weight.zero_()
        network.answer[4].bias.fill_(math.log(math.expm1(3.0)) - 2)
    path = tmp_path_factory.mktemp("keb") / "keb.safetensors"
    weights.save(network, path)
    return path


@pytest.fixture
def tiles_of_deb(monkeypatch):
    """A function that sets the side of the tiles of DEB, px: a multiple of its stride."""

    def set_side(side):
        monkeypatch.setattr(
            "napari_focusstack.networks.tiled_deb.fixed_tile_px", lambda *_, **__: side
        )

    return set_side
