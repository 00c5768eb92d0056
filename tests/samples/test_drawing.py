"""Shapes that samples are drawn with."""

import numpy as np

from napari_focusstack.samples.drawing import blades, pebbles

SMALL = (96, 128)


def test_islands_cover_a_third_and_blades_little_with_antialiased_edges():
    for alpha, least, most in (
        (pebbles(SMALL, 3), 0.25, 0.4),
        (blades(SMALL), 0.02, 0.15),
        (blades(SMALL, turned=True), 0.02, 0.15),
    ):
        assert (alpha.shape, alpha.dtype) == (SMALL, np.float32)
        assert least < alpha.mean() < most
        assert ((alpha > 0.02) & (alpha < 0.98)).mean() > 0.01
