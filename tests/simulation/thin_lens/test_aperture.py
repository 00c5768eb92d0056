"""The aperture: where the points lie that a scene is seen from."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.aperture import Aperture, views_for


def test_a_polygon_and_a_cats_eye_show_in_the_blur():
    hexagon = Aperture(blades=6).points(900)
    assert np.hypot(*hexagon.T).max() == pytest.approx(1.0, abs=0.06)
    sides = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])
    assert (hexagon @ sides).max() == pytest.approx(np.cos(np.pi / 6), abs=0.04)
    eye = Aperture(eclipse=0.8).points(900)
    assert np.ptp(eye[:, 0]) < 0.75 * np.ptp(eye[:, 1])
    assert np.abs(eye.mean(0)).max() < 1e-6
    assert 800 < len(eye) < 1000


def test_a_wide_blur_gets_more_views():
    assert len(Aperture().points(60)) >= 60
    assert views_for(20.0) > views_for(5.0) >= 60


def test_points_fill_a_round_aperture_evenly():
    points = Aperture().points(400)
    distance = np.hypot(*points.T)
    assert distance.max() <= 1 + 1e-6
    assert np.mean(distance < np.sqrt(0.5)) == pytest.approx(0.5, abs=0.03)
