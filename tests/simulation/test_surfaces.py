"""A thin lens blurs each part of a surface by its distance from the plane in focus."""

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.simulation import surfaces
from napari_focusstack.simulation.surfaces import SLICES_PER_STEP, Surface


def surface(depth, alpha=None, side=48):
    """A textured surface at a depth: a number, or per pixel."""
    light = torch.rand(3, side, side, generator=torch.Generator().manual_seed(1))
    alpha = torch.ones(1, side, side) if alpha is None else alpha
    return Surface(premultiply(light, alpha), torch.zeros(side, side) + depth)


def test_a_surface_is_sharp_in_its_own_plane_and_blurred_by_the_distance_elsewhere():
    flat = surface(2.0)
    torch.testing.assert_close(flat.imaged(2, 1.5, "gaussian"), flat.layer)
    for plane, sigma_px in ((0, 3.0), (3, 1.5)):
        for shape in ("gaussian", "disk"):
            expected = blur(flat.layer, sigma_px, shape)
            torch.testing.assert_close(flat.imaged(plane, 1.5, shape), expected)


def test_a_surface_between_two_slices_is_blurred_by_its_depth_as_nearly_as_slices_allow():
    between = surface(1 + 0.5 / SLICES_PER_STEP)
    expected = blur(between.layer, 2.0 * (3 - 1 - 0.5 / SLICES_PER_STEP))
    assert float((between.imaged(3, 2.0, "gaussian") - expected).abs().max()) < 0.02


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
@pytest.mark.parametrize("plane", [0, 4])
def test_no_pixel_is_covered_twice(shape, plane):
    tilted = surface(torch.linspace(0, 4, 48))
    coverage = tilted.imaged(plane, 2.0, shape)[-1]
    assert float(coverage.max()) <= 1 + 1e-6
    assert float(coverage[:, 8:-8].min()) > 0.85  # nor does an opaque surface tear


def test_a_part_of_a_surface_is_blurred_as_the_whole_is(monkeypatch):
    """Only where a slice is does it have to be blurred."""
    alpha = torch.zeros(1, 96, 96)
    alpha[:, 40:52, 6:30] = 1
    island = surface(torch.linspace(0, 3, 96), alpha, side=96)
    parts = [island.imaged(plane, 2.5, shape) for plane in (0, 3) for shape in ("gaussian", "disk")]
    monkeypatch.setattr(surfaces, "_crop_around", lambda mask, margin_px: (slice(None),) * 3)
    whole = [island.imaged(plane, 2.5, shape) for plane in (0, 3) for shape in ("gaussian", "disk")]
    for part, expected in zip(parts, whole, strict=True):
        torch.testing.assert_close(part, expected, atol=1e-3, rtol=0)


def test_a_surface_that_nothing_is_seen_of_shows_nothing():
    assert not surface(1.0, torch.zeros(1, 48, 48)).imaged(0, 2.0, "disk").any()
