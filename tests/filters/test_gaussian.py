"""The Gaussian keeps the sum, and is cut at three standard deviations."""

import pytest
import torch

from napari_focusstack.filters.gaussian import smooth


def test_smoothing_is_the_same_with_and_without_gradients():
    image = torch.rand(2, 40, 50, generator=torch.Generator().manual_seed(0))
    traced = image.clone().requires_grad_()
    assert torch.allclose(smooth(image, 1.5), smooth(traced, 1.5), atol=1e-5)


@pytest.mark.parametrize("sigma_px", [0.6, 1.0, 2.0])
def test_a_point_becomes_a_gaussian_of_that_width(sigma_px):
    point = torch.zeros(31, 31)
    point[15, 15] = 1.0
    blurred = smooth(point, sigma_px)
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)
    variance = float((blurred.sum(0) * (torch.arange(31.0) - 15) ** 2).sum())
    assert variance**0.5 == pytest.approx(sigma_px, rel=0.03)
