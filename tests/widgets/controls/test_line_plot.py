"""The small plot shows what it is given where it belongs."""

import numpy as np
import pytest
from qtpy.QtGui import QColor, QImage

from napari_focusstack.widgets.controls.line_plot import COLOURS, MAX_POINTS, Curve, ticks


@pytest.fixture
def curve(qtbot):
    widget = Curve("sigma, px", "residual")
    qtbot.addWidget(widget)
    widget.resize(400, 300)
    return widget


def painted(curve, colour):
    """Rows and columns of the pixels of a colour, in the plot's area below the legend."""
    image = curve.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    pixels = np.frombuffer(bits, np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1]
    wanted = np.array(QColor(colour).getRgb()[:3])
    found = np.argwhere((abs(pixels.astype(int) - wanted) < 40).all(-1))
    return found[found[:, 0] > 1.4 * curve.fontMetrics().height()].T


def straightness(curve):
    return np.corrcoef(painted(curve, COLOURS[0]))[0, 1]


def test_a_rising_line_rises_from_corner_to_corner(curve):
    curve.set("a", [0, 1], [0, 1])
    rows, columns = painted(curve, COLOURS[0])
    assert straightness(curve) < -0.999
    assert np.ptp(columns) > 0.75 * curve.width()
    assert np.ptp(rows) > 0.5 * curve.height()


@pytest.mark.parametrize(("log_y", "least", "most"), [(False, -0.95, 0), (True, -1, -0.999)])
def test_an_exponential_is_straight_on_a_logarithmic_axis(curve, log_y, least, most):
    curve.log_y = log_y
    xs = np.linspace(0, 8, 200)
    curve.set("a", xs, np.exp(xs))
    assert least <= straightness(curve) <= most


def test_each_series_has_its_own_colour(curve):
    for index in range(3):
        curve.set(str(index), [0, 1], [index, index])
    heights = [painted(curve, colour)[0].mean() for colour in COLOURS[:3]]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] - heights[2] > 0.5 * curve.height()


def test_dots_are_apart_and_a_line_is_not(curve):
    curve.set("a", [0, 1, 2], [0, 1, 0])
    line = painted(curve, COLOURS[0])[1]
    curve.set("a", [0, 1, 2], [0, 1, 0], dots=True)
    dots = painted(curve, COLOURS[0])[1]
    assert len(np.unique(line)) > 200
    assert 3 <= len(np.unique(dots)) < 20


def test_a_series_of_the_same_name_takes_the_place_of_the_old_one(curve):
    curve.set("a", [0, 1], [0, 1])
    curve.set("a", [0, 1], [1, 0])
    assert list(curve.series) == ["a"]
    assert straightness(curve) > 0.999


def test_clear_leaves_the_axes(curve):
    curve.set("a", [0, 1], [0, 1])
    curve.clear()
    assert curve.series == {}
    assert painted(curve, COLOURS[0]).size == 0
    assert painted(curve, curve.palette().windowText().color()).size > 0


@pytest.mark.parametrize("log_y", [False, True])
def test_what_cannot_be_shown_is_left_out(curve, log_y):
    curve.log_y = log_y
    curve.set("a", [0, 1, 2, 3, np.nan], [1, np.nan, np.inf, 10, 5])
    assert straightness(curve) < -0.999
    curve.set("a", [0, 1], [np.nan, np.nan])
    assert painted(curve, COLOURS[0]).size == 0


def test_a_flat_line_and_a_single_point_are_shown(curve):
    curve.set("a", [0, 1], [7, 7])
    assert painted(curve, COLOURS[0]).size > 0
    curve.set("a", [3], [7], dots=True)
    assert painted(curve, COLOURS[0]).size > 0


def test_many_points_are_thinned_for_the_screen_only(curve):
    curve.set("a", range(100_000), range(100_000))
    assert len(curve.series["a"][0]) == 100_000
    assert len(curve._drawn(curve.series["a"][0])) <= MAX_POINTS
    assert straightness(curve) < -0.999


def test_as_many_xs_as_ys_are_asked_for(curve):
    with pytest.raises(ValueError, match="same shape"):
        curve.set("a", [0, 1], [0])


@pytest.mark.parametrize("low", [0.0, -3.7, 1234.5, 1e-3])
@pytest.mark.parametrize("span", [0.013, 0.99, 1.0, 2.6, 4000.0, 7e5])
def test_ticks_are_few_round_and_inside(low, span):
    found = np.array(ticks(low, low + span))
    assert 2 <= len(found) <= 6
    assert found.min() >= low - 1e-6 * span
    assert found.max() <= low + span * (1 + 1e-6)
    steps = np.diff(found)
    np.testing.assert_allclose(steps, steps[0])
    assert f"{steps[0]:e}"[0] in "125"
