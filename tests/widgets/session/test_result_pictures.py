"""What is shown and recorded of a time point."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from napari_focusstack.runtime.region import bounding_box
from napari_focusstack.widgets.session.result_pictures import (
    TimePointView,
    confidence_painted,
    depth_painted,
    packed,
    pictures,
    record_of,
    removed,
    result_of,
)


@pytest.fixture
def fusion(stack, labels, fuse):
    return fuse(stack, labels)


def test_the_result_is_that_of_the_canvas_without_copies(fusion):
    canvas = fusion.canvas
    result = result_of(canvas, fusion.state)
    for name, array in (("image", canvas.image), ("transition_region", canvas.region)):
        assert getattr(result, name) is array
    assert result.psf is canvas.psf
    assert result.crf_backend == fusion.state.crf_backend


def test_only_what_is_asked_for_is_shown(fusion):
    result = result_of(fusion.canvas, fusion.state)
    plain = pictures(fusion.canvas, result, diffusion=False, depth=False, sources=False)
    assert [*plain] == ["fused"]
    kinds = pictures(fusion.canvas, result, diffusion=True, depth=True, sources=False)
    assert [*kinds] == ["fused", "depth", "confidence", "diffusion"]
    np.testing.assert_array_equal(kinds["fused"][0], fusion.canvas.image)
    assert kinds["depth"][1]["contrast_limits"] == (0.0, 2.0)
    low, high = kinds["diffusion"][1]["contrast_limits"]
    assert -low == high == np.abs(removed(fusion.canvas)).max() > 0


def test_layers_may_take_pictures_over(stack, fusion):
    view = TimePointView.of(stack, fusion, diffusion=True, depth=True, sources=True)
    canvas = fusion.canvas
    kept = {
        "image": canvas.image.copy(),
        "confidence": canvas.focus.confidence.clone().numpy(),
        "source": canvas.selection.source.copy(),
        "depth": view.depth.copy(),
    }
    for pixels, _ in view.pictures.values():
        pixels[:] = 0
    np.testing.assert_array_equal(canvas.image, kept["image"])
    np.testing.assert_array_equal(canvas.focus.confidence.numpy(), kept["confidence"])
    np.testing.assert_array_equal(canvas.selection.source, kept["source"])
    np.testing.assert_array_equal(view.depth, kept["depth"])


def test_pixels_that_a_plane_lacks_are_a_border(fusion):
    result = result_of(fusion.canvas, fusion.state)

    class Moved(type(result)):
        @property
        def valid(self):
            inside = np.ones((48, 48), bool)
            inside[:2] = False
            return inside

    result.__class__ = Moved
    kinds = pictures(fusion.canvas, result, diffusion=False, depth=False, sources=False)
    border, look = kinds["border"]
    assert border.sum() == 2 * 48
    assert border[:2].all()
    assert look["colormap"][1] == "#707070"


def test_what_is_removed_is_the_initial_minus_the_fused_image(fusion):
    canvas = fusion.canvas
    expected = canvas.initial.astype(float) - canvas.image
    np.testing.assert_array_equal(removed(canvas), expected)
    where = np.s_[5:20, 10:40]
    np.testing.assert_array_equal(removed(canvas, where), expected[where])


def test_what_is_removed_of_colours_is_their_mean(fusion):
    canvas = fusion.canvas
    selected = np.full((4, 4, 3), [3, 6, 9], np.uint8)
    canvas.selection = replace(canvas.selection, picture=selected)
    canvas.image = np.full((4, 4, 3), [6, 6, 6], np.uint8)  # a difference below 0 must not wrap
    np.testing.assert_array_equal(removed(canvas), np.zeros((4, 4)))
    canvas.image[:] = 9
    np.testing.assert_array_equal(removed(canvas), np.full((4, 4), -3))


def test_depth_after_painting_is_that_of_the_labels_but_in_holes(fusion, labels):
    canvas = fusion.canvas
    canvas.pipeline.parameters = replace(canvas.pipeline.parameters, z_step=2.0)
    painted = labels.copy()
    painted[20:24, 2:6] = 1
    where = canvas.paint(painted, bounding_box(painted != labels))
    filled = np.full(labels.shape, 77.0, np.float32)
    depth = depth_painted(canvas, filled, where)
    np.testing.assert_array_equal(depth, 2.0 * (canvas.focus.depth[0].numpy()[where] - 1))
    assert (confidence_painted(canvas, where) == 1).all()
    confidence = canvas.focus.confidence.clone()
    confidence[0, where[0].start, where[1].start] = 0.0
    canvas.focus = replace(canvas.focus, confidence=confidence)
    again = depth_painted(canvas, filled, where)
    assert np.argwhere(again != depth).tolist() == [[0, 0]]
    assert again[0, 0] == 77.0


def test_depth_after_painting_follows_unequal_steps(fusion, labels):
    canvas = fusion.canvas
    canvas.pipeline.positions = np.array([0.0, 1.0, 5.0])
    painted = labels.copy()
    painted[20:24, 2:6], painted[30:34, 2:6] = 2, 3
    where = canvas.paint(painted, bounding_box(painted != labels))
    depth = depth_painted(canvas, np.zeros(labels.shape, np.float32), where)
    top, left = where[0].start, where[1].start
    assert depth[21 - top, 3 - left] == 1
    assert depth[31 - top, 3 - left] == 5
    kinds = pictures(
        canvas, result_of(canvas, fusion.state), diffusion=False, depth=True, sources=False
    )
    assert kinds["depth"][1]["contrast_limits"] == (0.0, 5.0)


def test_the_record_repeats_the_run(fusion, settings):
    made = record_of(result_of(fusion.canvas, fusion.state))
    assert made["parameters"] == asdict(settings)
    assert made["weights"]["deb"] == "d" * 64
    assert made["found"]["sigma_px"] == 1.0
    assert made["found"]["transition_region"] == fusion.canvas.region.mean()


def test_a_packed_view_holds_labels_and_a_file_instead_of_the_focus_map(stack, fusion, labels):
    view = TimePointView.of(stack, fusion, diffusion=False, depth=True, sources=False)
    assert view.state is fusion.state
    view = packed(view, fusion)
    assert view.state.focus is None
    assert view.state.unpacked().focus == fusion.state.focus
    assert view.state.psf is fusion.state.psf
    np.testing.assert_array_equal(view.state.labels, labels)
    assert fusion.state.focus is not None  # that of the fusion stays
    assert [*view.pictures] == ["fused", "depth", "confidence"]
    assert (view.segmented, view.others) == (True, [])


def test_labels_alone_take_the_estimate_of_the_canvas(stack, fusion, labels):
    fusion.state.focus = None
    view = TimePointView.of(stack, fusion, diffusion=False, depth=False, sources=False)
    np.testing.assert_array_equal(packed(view, fusion).state.labels, labels)
