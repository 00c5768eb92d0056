import pytest
import torch

from napari_focusstack.imaging.noise import noise_level
from napari_focusstack.networks.finest_cues import FINEST_CUES, FinestCues

SIDE = 64


@pytest.fixture(scope="module")
def cues(sharp_and_blurred):
    return FinestCues(sharp_and_blurred.unbind(1), noise_level(sharp_and_blurred))


def test_cues_are_finite_maps_of_half_the_size(cues):
    of_plane = torch.stack(cues.of(1), 1)
    assert of_plane.shape == (1, FINEST_CUES, SIDE // 2, SIDE // 2)
    assert of_plane.isfinite().all()


def test_the_sharp_plane_has_the_greatest_focus_measures(cues):
    for cue in (0, 1, 2, 3, 8, 9):  # of each of four pixels, and about them
        assert cues.of(0)[cue].max() == pytest.approx(0, abs=1e-5)
        assert (cues.of(1)[cue] < -0.5).float().mean() > 0.9


def test_the_first_estimate_is_near_the_sharp_plane(sharp_and_blurred, cues):
    blurred = (sharp_and_blurred[:, 1] - sharp_and_blurred[:, 0]).abs().mean()
    assert (cues.estimate - sharp_and_blurred[:, 0]).abs().mean() < 0.05 * blurred
    assert (cues.of(0)[10] < cues.of(1)[10]).float().mean() > 0.99  # squared differences from it


def test_differences_from_the_estimate_are_those_of_the_four_pixels(sharp_and_blurred, cues):
    noise = noise_level(sharp_and_blurred)[:, None, None]
    expected = torch.asinh((sharp_and_blurred[:, 1].mean(1) - cues.estimate.mean(1)) / noise)
    whole = torch.nn.functional.pixel_shuffle(torch.stack(cues.of(1)[4:8], 1), 2)[:, 0]
    assert torch.allclose(whole, expected, atol=1e-4)
