"""Blur by a sigma that differs from pixel to pixel."""

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.psf import Psf, gather_blur

SIDE = 128
CENTRE = [(-(SIDE - 1) / 2, -(SIDE - 1) / 2)]


@pytest.fixture
def layer():
    """A smooth layer, premultiplied, whose right half is empty, (1, 4, 160, 160)."""
    rng = torch.Generator().manual_seed(3)
    colours = torch.nn.functional.interpolate(
        torch.rand(1, 3, 20, 20, generator=rng), (160, 160), mode="bilinear"
    )
    return premultiply(colours, (torch.arange(160) < 80).float().expand(1, 1, 160, 160))


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
@pytest.mark.parametrize(("sigma_px", "most"), [(0.3, 1e-6), (1.5, 0.03), (3.0, 0.06)])
def test_each_distance_is_blurred_by_its_own_sigma(layer, sigma_px, most, shape):
    steps = torch.tensor([1.0, 2, 3, 6]).repeat_interleave(40)[:, None].expand(1, 1, 160, 160)
    exact = sum(blur(layer * (steps == step), sigma_px * step, shape) for step in (1.0, 2, 3, 6))
    exact = exact / exact[:, -1:].clamp(min=1)
    found = Psf(sigma_px, shape=shape).scatter_blur(layer, CENTRE, steps)
    assert float((found - exact).abs().max()) < most
    assert float((found - exact).square().mean().sqrt()) < most / 8
    assert float((found - layer).abs().max()) > 5 * most


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
def test_each_place_is_blurred_by_the_sigma_there(layer, shape):
    steps = torch.tensor([1.0, 2, 4, 8]).repeat_interleave(40).expand(1, 1, 160, 160)
    found = gather_blur(layer, 2.0, shape, steps)
    for number, step in enumerate((1.0, 2, 4, 8)):
        inner = slice(40 * number + 4, 40 * number + 36)
        exact = blur(layer, 2.0 * step, shape)
        torch.testing.assert_close(found[..., inner], exact[..., inner], atol=0.015, rtol=0)
