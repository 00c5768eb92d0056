import pytest
import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.imaging.noise import noise_level
from napari_focusstack.networks.coarse_cues import (
    COARSE_CUES,
    WIDE_CUES,
    CoarseCues,
    weight_of,
)

SIDE = 64


@pytest.fixture(scope="module")
def cues(sharp_and_blurred):
    return CoarseCues(sharp_and_blurred.unbind(1), noise_level(sharp_and_blurred))


def test_cues_have_their_shapes_and_are_finite(cues):
    fine, wide = torch.stack(cues.of(1), 1), list(cues.wide())[1]
    assert fine.shape == (1, COARSE_CUES, SIDE, SIDE)
    assert wide.shape == (1, WIDE_CUES, SIDE // 4, SIDE // 4)
    assert fine.isfinite().all()
    assert wide.isfinite().all()


def test_the_sharp_plane_has_the_greatest_focus_measure(cues):
    assert cues.of(0)[2].max() == pytest.approx(0, abs=1e-5)
    assert (cues.of(1)[2] < -0.5).float().mean() > 0.95


def test_the_first_estimate_is_near_the_sharp_plane(sharp_and_blurred, cues):
    blurred = (sharp_and_blurred[:, 1] - sharp_and_blurred[:, 0]).abs().mean()
    assert (cues.estimate - sharp_and_blurred[:, 0]).abs().mean() < 0.05 * blurred


def test_cues_are_the_same_with_and_without_gradients(sharp_and_blurred, cues):
    with torch.no_grad():
        without = CoarseCues(sharp_and_blurred.unbind(1), noise_level(sharp_and_blurred))
        fine, wide = without.of(1), list(without.wide())[1]
    for one, other in zip(cues.of(1), fine, strict=True):
        assert torch.allclose(one, other, atol=5e-3)
    assert torch.allclose(list(cues.wide())[1], wide, atol=5e-3)


def test_the_common_cues_are_those_of_the_greatest_measure(sharp_and_blurred, cues):
    noise = noise_level(sharp_and_blurred)[:, None, None]
    narrow = [
        smooth(laplacian(plane.mean(1)[:, None])[:, 0].abs(), 1.0)
        for plane in sharp_and_blurred[0, :, None]
    ]
    expected = torch.log(torch.maximum(*narrow) / noise + 1) - 1
    assert torch.allclose(cues.of(0)[7], expected, atol=1e-5)
    assert torch.allclose(
        cues.of(0)[6],
        torch.asinh((sharp_and_blurred[:, 0].mean(1) - sharp_and_blurred.mean((1, 2))) / noise),
        atol=1e-4,
    )


def test_the_sharpest_plane_outweighs_one_almost_as_sharp():
    floor = torch.tensor(0.001)
    sharpest, next_to_it = weight_of(torch.tensor([0.5, 0.4]), floor)
    assert (next_to_it / sharpest).item() == pytest.approx(0.8**8, rel=0.02)


def test_planes_that_show_noise_alone_weigh_alike():
    floor = torch.tensor(0.01)
    strongest, weakest = weight_of(torch.tensor([0.011, 0.009]), floor)
    assert weakest / strongest > 0.5  # 0.2 without the noise that is added
