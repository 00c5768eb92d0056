import numpy as np
import pytest

from napari_focusstack.simulation.chance import log_uniform


def test_half_of_the_numbers_lie_below_the_geometric_mean_of_their_bounds():
    generator = np.random.default_rng(0)
    drawn = np.array([log_uniform(0.01, 100.0, generator) for _ in range(4000)])
    assert 0.01 <= drawn.min() < 0.011
    assert 90 < drawn.max() <= 100.0
    assert (drawn < 1.0).mean() == pytest.approx(0.5, abs=0.03)
