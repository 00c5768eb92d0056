"""Surfaces and scenes."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.scene import CANVAS_SCALE, Scene, Surface, gentle

LIGHT = np.full((8, 12, 3), 0.5, np.float32)


def test_a_surface_knows_its_range_and_its_coverage():
    ramp = np.tile(np.linspace(-2, 3, 12, dtype=np.float32), (8, 1))
    alpha = np.zeros((8, 12), np.float32)
    alpha[:4] = 1
    surface = Surface(LIGHT, alpha, ramp)
    assert surface.range_px == pytest.approx((-2, 3))
    assert surface.premultiplied.shape == (8, 12, 4)
    assert surface.premultiplied[0, 0].tolist() == [0.5, 0.5, 0.5, 1.0]
    assert not surface.premultiplied[4:].any()


def test_a_scene_spans_the_ranges_of_its_surfaces():
    scene = Scene((Surface(LIGHT, None, -4.0), Surface(LIGHT, None, 2.5)))
    assert scene.range_px == (-4.0, 2.5)
    assert scene.canvas_px == (8 // CANVAS_SCALE, 12 // CANVAS_SCALE)


def test_a_relief_too_steep_is_flattened_as_a_whole():
    ramp = np.tile(np.arange(12, dtype=np.float32), (8, 1))
    flat = gentle(ramp, steepest=0.5)
    assert np.diff(flat, axis=1) * CANVAS_SCALE == pytest.approx(0.5)
    assert flat.mean() == pytest.approx(ramp.mean())
    assert gentle(0.1 * ramp, steepest=0.5) == pytest.approx(0.1 * ramp)
