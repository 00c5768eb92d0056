"""Changes of light between planes are told from what focus and occlusion change."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_focusstack.imaging.intensity import Intensity
from napari_focusstack.registration.light import Light


def texture(seed, low, high):
    chance = np.random.default_rng(seed)
    values = gaussian_filter(chance.random((128, 128)), 0.8)
    values += 0.5 * gaussian_filter(chance.random((128, 128)), 3)
    return low + (high - low) * (values - values.min()) / np.ptp(values)


@pytest.fixture(scope="module")
def light():
    """Light of five planes: a bright disk veils a dark surface more and more."""
    rows, columns = np.mgrid[:128, :128]
    disk = ((rows - 64) ** 2 + (columns - 50) ** 2 < 900).astype(float)
    front, behind = texture(1, 0.55, 0.95), texture(2, 0.05, 0.4)
    planes = []
    for number in range(5):
        near, far = (max(1.3 * steps, 1e-3) for steps in (number, 4 - number))
        cover = gaussian_filter(disk, near)
        planes.append(
            gaussian_filter(front * disk, near) + (1 - cover) * gaussian_filter(behind, far)
        )
    return np.stack(planes)


def exposed(light, gain):
    """Return 12-bit planes of light times a gain."""
    return list(np.rint(4095 * 0.6 * light * gain).astype(np.uint16))


def found(planes):
    return Light.of(planes, Intensity.of(planes))


def test_occlusion_and_blur_are_no_change_of_light(light):
    assert found(exposed(light, 1.0)) is None
    assert found(exposed(light, 1.0)[::4]) is None


@pytest.mark.parametrize("percent", [2, 5, 10])
def test_a_drift_of_exposure_is_found_and_equalised(light, percent):
    gain = 1 + percent / 100 * np.arange(5)
    planes = exposed(light, gain[:, None, None])
    drift = found(planes)
    relative = gain / gain[2]
    np.testing.assert_allclose(drift.gains[:, 0], relative, rtol=0.015)
    assert drift.largest_change == pytest.approx(relative.max() - 1, abs=0.02) or percent == 10
    assert "light equalised" in drift.reason
    even = drift.equalize(planes, Intensity.of(planes))
    np.testing.assert_array_equal(even[2], planes[2])
    for plane, true in zip(even, exposed(light, gain[2]), strict=True):
        assert plane.dtype == np.uint16
        assert np.abs(plane.astype(float) - true).mean() < 0.012 * true.mean()


def test_a_slow_drift_over_many_planes_is_found(light):
    planes = [np.rint(3000 * light[2] * 1.001**number).astype(np.uint16) for number in range(100)]
    drift = found(planes)
    assert drift.gains[-1, 0] / drift.gains[0, 0] == pytest.approx(1.001**99, rel=0.01)


def test_a_drift_of_vignetting_is_found(light):
    at = np.linspace(-1, 1, 257)[1::2]
    from_centre = at[:, None] ** 2 + at**2
    corners = np.exp(-0.08 * np.arange(5)[:, None, None] * from_centre)
    planes = exposed(light, corners)
    drift = found(planes)
    even = drift.equalize(planes, Intensity.of(planes))
    patch = np.s_[:24, 104:]  # far from the disk
    before, after = (
        np.ptp([plane[patch].mean() for plane in each]) / planes[2][patch].mean()
        for each in (planes, even)
    )
    assert before > 0.3
    assert after < 0.05


def test_white_balance_is_found_in_photographs(light):
    colours = np.array([0.9, 0.8, 0.7]) * (1 + np.outer(np.arange(5) - 2, [0.04, 0, -0.04]))
    linear = (light[..., None] * colours[:, None, None]).clip(0, 1)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    planes = list(np.rint(255 * coded).astype(np.uint8))
    drift = found(planes)
    np.testing.assert_allclose(drift.gains, colours / colours[2], rtol=0.02)
    even = drift.equalize(planes, Intensity.of(planes))
    assert [plane.dtype for plane in even] == [np.uint8] * 5
    ratio = even[4].astype(float).mean((0, 1)) / even[0].mean((0, 1))
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=0.01)


def test_few_cells_say_nothing(light):
    planes = [plane[:48, :48] for plane in exposed(light, np.arange(1, 6)[:, None, None] / 5)]
    assert found(planes) is None


def test_a_background_that_is_clipped_or_stays_tells_no_change(light):
    bright = np.where(np.arange(128) < 90, light, 2.0)  # the disk before a lamp
    chance = np.random.default_rng(0)
    veiled = bright * np.array([1, 1.05, 1.1, 1.05, 1])[:, None, None]
    clipped = [np.minimum(4095, 4095 * plane).astype(np.uint16) for plane in veiled]
    assert found(clipped) is None or found(clipped).largest_change < 0.11
    steady = np.where(np.arange(128) < 60, veiled, 0.7)
    noisy = [4095 * plane + chance.normal(0, 5, plane.shape) for plane in steady]
    assert found([plane.clip(0, 4095).astype(np.uint16) for plane in noisy]) is None
