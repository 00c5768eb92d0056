"""Results are hidden at time points that were not fused."""

import pytest

from napari_focusstack.widgets.session.session import Session
from napari_focusstack.widgets.session.time_points import TimePoints


@pytest.fixture
def fused(viewer, movie, labels, fuse, show):
    """Sources of two time points, the first fused; what follows the sliders."""
    viewer.dims.set_current_step(0, 0)
    show(Session(viewer, movie[0]), fuse(movie[0], labels))
    viewer.layers["movie planes"].visible = True
    return TimePoints(viewer)


def visible(viewer):
    return {layer.name for layer in viewer.layers if layer.visible}


def test_results_are_visible_only_where_they_were_fused(viewer, fused):
    everything = visible(viewer)
    assert everything == {"movie", "movie fused", "movie planes"}
    viewer.dims.set_current_step(0, 1)
    assert visible(viewer) == {"movie"}
    viewer.dims.set_current_step(0, 0)
    assert visible(viewer) == everything


def test_what_the_user_hid_stays_hidden(viewer, fused):
    viewer.layers["movie planes"].visible = False
    viewer.dims.set_current_step(0, 1)
    viewer.dims.set_current_step(0, 0)
    assert visible(viewer) == {"movie", "movie fused"}


def test_the_focus_axis_hides_nothing(viewer, fused):
    everything = visible(viewer)
    for plane in range(3):
        viewer.dims.set_current_step(1, plane)
        assert visible(viewer) == everything


def test_planes_of_an_additive_image_are_visible_while_it_is_hidden(viewer, fused):
    viewer.layers["movie fused"].blending = "additive"
    viewer.layers["movie"].visible = False
    viewer.dims.set_current_step(0, 1)
    assert visible(viewer) == {"movie"}
    viewer.dims.set_current_step(0, 0)
    assert visible(viewer) == {"movie fused", "movie planes"}


def test_after_leaving_the_sliders_are_not_followed(viewer, fused):
    fused.leave()
    everything = visible(viewer)
    viewer.dims.set_current_step(0, 1)
    assert visible(viewer) == everything
