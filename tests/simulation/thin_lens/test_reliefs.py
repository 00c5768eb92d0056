"""Depths of surfaces: slopes, domes, stairs, bumps."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.reliefs import bumps, dome, slope, stairs


def test_a_slope_rises_in_its_direction_only():
    across = slope(32, 0.0)
    assert np.ptp(across, axis=0 if np.ptp(across[:, 0]) < 1e-6 else 1).max() < 1e-6
    steps = np.diff(across, axis=1 if np.ptp(across[:, 0]) < 1e-6 else 0)
    assert steps == pytest.approx(steps.mean(), abs=1e-5)
    assert steps.mean() != 0


@pytest.mark.parametrize("kind", [dome, stairs, lambda side, g: bumps(side, 3, g)])
def test_a_relief_is_finite_varied_and_the_same_for_the_same_seed(kind):
    one, again = (kind(48, np.random.default_rng(5)) for _ in range(2))
    assert one.shape == (48, 48)
    assert np.isfinite(one).all()
    assert np.ptp(one) > 0.1
    assert np.array_equal(one, again)


def test_stairs_are_level_for_the_most_part_and_steep_between():
    relief = stairs(64, np.random.default_rng(2))
    steepness = np.hypot(*np.gradient(relief))
    assert np.mean(steepness < steepness.max() / 4) > 0.5
