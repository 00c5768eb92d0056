import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.networks.source_cues import (
    FINE_CUES,
    LEAST_NOISE,
    NOISE_GAIN,
    WIDE_CUES,
    SourceCues,
    first_estimate,
    noise_level,
    smooth,
)

SIDE = 64


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def planes():
    """Plane 0 sharp, plane 1 blurred: (1, 2, 3, Y, X)."""
    sharp = random(1, 3, SIDE, SIDE)
    return torch.stack([sharp, blur(sharp, 2.0)], 1)


def test_cues_have_their_shapes_and_are_finite(planes):
    cues = SourceCues.of(planes, noise_level(planes))
    assert cues.fine.shape == (1, 2, FINE_CUES, SIDE, SIDE)
    assert cues.wide.shape == (1, 2, WIDE_CUES, SIDE // 4, SIDE // 4)
    assert cues.fine.isfinite().all()
    assert cues.wide.isfinite().all()


def test_the_sharp_plane_has_the_greatest_focus_measure(planes):
    fine = SourceCues.of(planes, noise_level(planes)).fine
    assert fine[0, 0, 2].max() == pytest.approx(0, abs=1e-5)
    assert (fine[0, 1, 2] < -0.5).float().mean() > 0.95


def test_the_first_estimate_is_near_the_sharp_plane(planes):
    energy = torch.stack([torch.ones(1, SIDE, SIDE), 0.1 * torch.ones(1, SIDE, SIDE)], 1)
    estimate = first_estimate(planes, energy, torch.tensor(0.001))
    assert (estimate - planes[:, 0]).abs().max() < 0.001


def test_noise_is_told_by_its_standard_deviation():
    flat = torch.full((1, 3, 1, 256, 256), 0.5)
    noise = torch.randn(flat.shape, generator=torch.Generator().manual_seed(1))
    found = float(noise_level(flat + 0.02 * noise))
    assert found == pytest.approx(0.02 * NOISE_GAIN, rel=0.2)
    assert float(noise_level(flat)) == pytest.approx(LEAST_NOISE)


def test_smoothing_is_the_same_with_and_without_gradients():
    image = random(2, 40, 50)
    traced = image.clone().requires_grad_()
    assert torch.allclose(smooth(image, 1.5), smooth(traced, 1.5), atol=1e-5)
