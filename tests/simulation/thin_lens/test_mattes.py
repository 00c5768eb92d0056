"""Outlines of surfaces."""

import numpy as np
import pytest

from napari_focusstack.simulation.cases import bundled_material
from napari_focusstack.simulation.thin_lens.mattes import matte


@pytest.mark.parametrize("seed", range(4))
def test_a_matte_covers_a_part_of_its_canvas_with_edges_of_a_pixel_or_two(seed):
    alpha = matte(bundled_material(), 96, np.random.default_rng(seed))
    assert alpha.shape == (96, 96)
    assert alpha.dtype == np.float32
    assert 0 <= alpha.min() <= alpha.max() <= 1
    assert 0.002 < alpha.mean() < 0.98
    again = matte(bundled_material(), 96, np.random.default_rng(seed))
    assert np.array_equal(alpha, again)
