"""Point spread functions against closed forms."""

import math

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.kernels import check_sigma, psf, psf_radius


@pytest.mark.parametrize(
    ("shape", "radii"),
    [("gaussian", {0.3: 2, 1.0: 4, 2.5: 10, 7.0: 28}), ("disk", {0.3: 2, 1.0: 3, 2.5: 6, 7.0: 15})],
)
def test_a_psf_sums_to_one_is_symmetric_and_reaches_4_sigma_or_2(shape, radii):
    """A Gaussian is cut at 4 sigma; a disk has the radius 2 sigma and a rim of half a pixel."""
    for sigma_px, radius in radii.items():
        kernel = psf(sigma_px, shape)
        assert kernel.dtype == torch.float32
        assert kernel.shape == (2 * radius + 1, 2 * radius + 1)
        assert psf_radius(sigma_px, shape) == radius
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)
        torch.testing.assert_close(kernel, kernel.T)
        torch.testing.assert_close(kernel, kernel.flip(0, 1))


@pytest.mark.parametrize(
    ("shape", "sigma_px", "tolerance"),
    [("gaussian", 1.5, 0.005), ("gaussian", 4.0, 0.005), ("disk", 2.0, 0.04), ("disk", 6.0, 0.01)],
)
def test_sigma_is_the_standard_deviation_along_one_axis(shape, sigma_px, tolerance):
    kernel = psf(sigma_px, shape).double().numpy()
    offset = np.arange(len(kernel)) - len(kernel) // 2
    variance = (kernel.sum(0) * offset**2).sum()
    assert math.sqrt(variance) == pytest.approx(sigma_px, rel=tolerance)


def test_the_gaussian_is_that_of_the_paper():
    kernel = psf(2.0)
    assert float(kernel[8, 8]) == pytest.approx(1 / (2 * math.pi * 4), rel=1e-3)
    assert float(kernel[8, 11] / kernel[8, 8]) == pytest.approx(math.exp(-9 / 8), rel=1e-4)


def test_the_disk_is_flat_inside_twice_sigma_and_nothing_beyond():
    kernel = psf(4.0, "disk")  # radius 8
    centre = len(kernel) // 2
    assert float(kernel[centre, centre]) == pytest.approx(1 / (math.pi * 64), rel=0.01)
    assert kernel[centre, centre + 7] == kernel[centre, centre]
    assert kernel[centre, centre + 8] == pytest.approx(float(kernel[centre, centre]) / 2)
    assert kernel[centre, centre + 9] == 0


@pytest.mark.parametrize("sigma_px", [0, -1.0, math.nan, math.inf, None, "2"])
def test_a_sigma_that_is_no_positive_number_is_refused_with_its_value(sigma_px):
    with pytest.raises(InputError, match=f"sigma_px is {sigma_px}"):
        psf(sigma_px)
    with pytest.raises(InputError, match="above 0"):
        check_sigma(sigma_px)
