import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.noise import noise_level
from napari_focusstack.networks.finest_cues import FINEST_CUES, FinestCues

SIDE = 64


@pytest.fixture(scope="module")
def planes():
    """Plane 0 sharp, plane 1 blurred: (1, 2, 3, Y, X)."""
    sharp = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return torch.stack([sharp, blur(sharp, 2.0)], 1)


@pytest.fixture(scope="module")
def cues(planes):
    return FinestCues(planes.unbind(1), noise_level(planes))


def test_cues_are_finite_maps_of_half_the_size(cues):
    of_plane = torch.stack(cues.of(1), 1)
    assert of_plane.shape == (1, FINEST_CUES, SIDE // 2, SIDE // 2)
    assert of_plane.isfinite().all()


def test_the_sharp_plane_has_the_greatest_focus_measures(cues):
    for cue in (0, 1, 2, 3, 8, 9):  # of each of four pixels, and about them
        assert cues.of(0)[cue].max() == pytest.approx(0, abs=1e-5)
        assert (cues.of(1)[cue] < -0.5).float().mean() > 0.9


def test_the_first_estimate_is_near_the_sharp_plane(planes, cues):
    blurred = (planes[:, 1] - planes[:, 0]).abs().mean()
    assert (cues.estimate - planes[:, 0]).abs().mean() < 0.05 * blurred
    assert (cues.of(0)[10] < cues.of(1)[10]).float().mean() > 0.99  # squared differences from it


def test_differences_from_the_estimate_are_those_of_the_four_pixels(planes, cues):
    noise = noise_level(planes)[:, None, None]
    expected = torch.asinh((planes[:, 1].mean(1) - cues.estimate.mean(1)) / noise)
    whole = torch.nn.functional.pixel_shuffle(torch.stack(cues.of(1)[4:8], 1), 2)[:, 0]
    assert torch.allclose(whole, expected, atol=1e-4)
