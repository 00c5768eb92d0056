"""The colour bar of planes."""

import numpy as np

from napari_focusstack.widgets.controls.plane_legend import Legend


def offered(qtbot, count):
    legend = Legend()
    qtbot.addWidget(legend)
    legend.offer({plane: np.ones(4) for plane in range(1, count + 1)})
    return legend


def test_the_ends_of_the_bar_say_which_is_near(qtbot):
    assert offered(qtbot, 3).names() == {1: "1 near", 2: "2", 3: "far 3"}


def test_a_pair_has_foreground_and_background(qtbot):
    assert offered(qtbot, 2).names() == {1: "foreground", 2: "background"}
