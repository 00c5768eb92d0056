"""Two planes brought to the same blur."""

import cv2
import numpy as np
import pytest

from napari_focusstack.registration.equal_blur import BlurredPlane, equally_blurred


@pytest.fixture
def sharp():
    return np.random.default_rng(0).random((96, 128), np.float32)


def equal(first, second):
    return equally_blurred(BlurredPlane.of(first), BlurredPlane.of(second))


@pytest.mark.parametrize("sigma_px", [1.0, 1.4, 2.0, 3.0])
def test_a_sharp_plane_becomes_as_soft_as_the_other(sharp, sigma_px):
    soft = cv2.GaussianBlur(sharp, (0, 0), sigma_px)
    of_sharp, of_soft = equal(sharp, soft)
    assert np.abs(of_sharp - soft).mean() < 0.15 * np.abs(sharp - soft).mean()
    assert np.abs(of_soft - soft).max() < 0.01


def test_each_half_is_blurred_where_the_other_plane_is(sharp):
    soft = cv2.GaussianBlur(sharp, (0, 0), 2.0)
    left, right = sharp.copy(), sharp.copy()
    left[:, :64], right[:, 64:] = soft[:, :64], soft[:, 64:]
    of_left, of_right = equal(left, right)
    halves = np.s_[:, :44], np.s_[:, 84:]  # beyond the reach of the measure from the middle
    for half in halves:
        difference = np.abs(of_left[half] - of_right[half]).mean()
        assert difference < 0.1 * np.abs(left[half] - right[half]).mean()


def test_planes_of_one_value_stay(sharp):
    flat = np.full_like(sharp, 0.3)
    of_flat, of_sharp = equal(flat, sharp)
    np.testing.assert_array_equal(of_flat, flat)
    assert np.ptp(of_sharp) < 0.2 * np.ptp(sharp)
