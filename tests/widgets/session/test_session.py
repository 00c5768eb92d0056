"""A session: results become layers, and the image follows the brush."""

from dataclasses import replace

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.progress import run
from napari_focusstack.widgets.session.label_layer import LabelState
from napari_focusstack.widgets.session.result_pictures import TimePointView, packed
from napari_focusstack.widgets.session.session import Session

#: A pixel of the third plane far from any edge.
Y, X = 3, 3


@pytest.fixture
def session(viewer, stack, labels, fuse, show):
    """A session with a fused stack, depth and what was removed."""
    session = Session(viewer, stack)
    show(session, fuse(stack, labels), diffusion=True, depth=True, sources=False)
    session.labels.brush_size = 3
    return session


def found(session, kind="fused"):
    return session.layers.image(kind).metadata["focusstack"]["record"]["found"]


def test_a_new_session_knows_nothing(viewer, stack):
    session = Session(viewer, stack)
    assert session.state.is_blank
    assert (session.labels, session.image, session.psf, session.fixes) == (None,) * 4
    assert not session.follow_brush(live=True)
    assert not session.is_painted
    with pytest.raises(InputError, match="nothing is fused yet"):
        _ = session.result


def test_a_fusion_becomes_layers_with_its_record(session, viewer, labels):
    assert [layer.name for layer in viewer.layers] == [
        "stack",
        *(f"stack {kind}" for kind in ("fused", "depth", "confidence", "diffusion", "planes")),
    ]
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, session.canvas.image)
    np.testing.assert_array_equal(session.labels.data, labels)
    assert viewer.layers.selection.active is session.image  # bare, without the labels
    assert not session.labels.visible
    assert found(session)["painted_px"] == 0
    assert found(session)["sigma_px"] == session.psf.sigma_px == 1.0
    assert found(session) == session.labels.metadata["focusstack"]["record"]["found"]


def test_only_the_surroundings_of_a_stroke_change(session, viewer, planes):
    image = viewer.layers["stack fused"]
    before = image.data.copy()
    assert session.state.fixes.labels[Y, X] == 3
    session.labels.paint((Y, X), 1)
    assert session.follow_brush(live=True)
    np.testing.assert_array_equal(image.data, session.canvas.image)
    assert image.data[Y, X] == planes[0, Y, X]
    changed = np.argwhere(image.data != before)
    assert len(changed) > 4
    assert changed.max() < 30
    assert viewer.layers["stack depth"].data[Y, X] == 0
    assert viewer.layers["stack confidence"].data[Y, X] == 1
    difference = session.canvas.initial.astype(float) - session.canvas.image
    np.testing.assert_array_equal(viewer.layers["stack diffusion"].data, difference)
    assert found(session)["painted_px"] == session.fixes.painted.sum() > 4
    assert found(session)["reblur_residual"] is None
    assert not session.follow_brush(live=True)  # nothing new
    session.labels.undo()
    assert session.follow_brush(live=True)
    np.testing.assert_array_equal(image.data, before)
    assert found(session)["painted_px"] == 0


def test_strokes_wait_until_the_image_may_follow(session):
    before = session.image.data.copy()
    session.labels.paint((Y, X), 1)
    assert not session.follow_brush(live=False)
    session.labels.paint((40, 40), 2)
    assert not session.follow_brush(live=False)
    np.testing.assert_array_equal(session.image.data, before)
    assert session.state.painted_since
    assert found(session)["painted_px"] == 0
    assert session.labels.metadata["focusstack"]["record"]["found"]["painted_px"] > 0
    assert session.follow_brush(live=True)
    changed = session.image.data != before
    assert changed[Y, X]
    assert changed[40, 40]


def test_labels_of_another_shape_are_refused(session):
    session.labels.data = np.zeros((8, 8), np.uint8)
    with pytest.raises(InputError, match=r"shape \(8, 8\), the planes \(48, 48\)"):
        session.follow_brush(live=True)


def test_labels_that_were_removed_are_not_followed(session, viewer):
    viewer.layers.remove(session.labels)
    assert not session.follow_brush(live=True)
    assert not session.is_painted


def test_what_was_painted_while_a_task_ran_is_fused_when_its_result_is_shown(
    session, stack, labels, planes, fuse, show
):
    fusion = fuse(stack, labels, segmented=False)
    session.labels.paint((Y, X), 1)
    show(session, fusion)
    assert session.state.painted_since
    assert session.image.data[Y, X] == planes[0, Y, X]


def test_a_new_estimate_keeps_what_was_painted(session, stack, labels, fuse):
    session.labels.paint((Y, X), 1)
    painted = np.argwhere(session.labels.data != labels)
    other = np.where(labels == 3, 2, labels)
    fusion = fuse(stack, other)
    session.show_labels(fusion.state)
    assert session.canvas is None
    assert session.state is fusion.state
    expected = other.copy()
    expected[tuple(painted.T)] = 1
    np.testing.assert_array_equal(session.labels.data, expected)
    session.drop_fixes()
    np.testing.assert_array_equal(session.labels.data, other)
    session.labels.undo()  # even that can be undone
    np.testing.assert_array_equal(session.labels.data, expected)


def test_an_estimate_of_the_blur_leaves_the_labels(session):
    fixes, focus = session.fixes, session.state.focus
    psf = replace(session.psf, sigma_px=2.0)
    session.show_psf(LabelState(psf=psf, weights={"keb": "k"}))
    assert session.psf is psf
    assert session.state.weights == {"keb": "k"}
    assert session.fixes is fixes
    assert session.state.focus is focus


def test_findings_stay_until_planes_are_looked_at_again(session, stack, labels, fuse, show):
    fusion = fuse(stack, labels)
    first = object()
    show(session, replace(fusion, diagnosis=first))
    show(session, replace(fusion, diagnosis=None))
    assert session.diagnosis is first


def test_a_task_works_on_a_copy_of_the_state(session, settings):
    task = session.estimate(replace(settings, psf=2.0))
    new = run(task())
    assert new.psf.sigma_px == 2.0
    assert session.psf.sigma_px == 1.0


def test_fixes_alone_are_not_fused_as_if_they_were_labels(
    session, viewer, stack, settings, monkeypatch
):
    calls = []
    monkeypatch.setattr(Session, "run_all", lambda *_: calls.append("run_all"))
    session.fuse(settings)
    assert calls == []
    session.state.focus = None  # only fixes are left
    session.fuse(settings)
    assert calls == ["run_all"]
    session.state.by_hand = True  # all labels were made by the user
    session.fuse(settings)
    assert calls == ["run_all"]


def test_the_next_session_of_a_stack_goes_on_with_the_state(session, viewer, stack):
    again = Session(viewer, stack)
    assert again.labels is session.labels
    assert again.image is session.image
    assert again.state is session.state
    assert not again.is_turned
    turned = Session(viewer, stack, "last")
    assert turned.is_turned
    assert turned.labels is session.labels


def test_painted_labels_are_named_for_the_console(session, viewer, movie, labels, fuse, show):
    assert session.painted_labels() is None
    session.labels.paint((Y, X), 1)
    assert session.painted_labels() == "viewer.layers['stack planes']"
    series = Session(viewer, movie[1])
    show(series, fuse(movie[1], labels[::-1]))
    series.labels.data[0, 0, 9, 9] = 2  # at the other time point
    assert series.painted_labels() is None
    assert series.is_painted
    series.labels.data[1, 0, 9, 9] = 1 + series.labels.data[1, 0, 9, 9] % 3
    expected = "nfs.PaintedLabels.of(viewer.layers['movie planes'], (1, 0))"
    assert series.painted_labels() == expected


def test_the_near_end_is_as_given_or_as_estimated(viewer, stack):
    assert Session(viewer, stack, "last").end == "last"
    session = Session(viewer, stack, "auto")
    assert session.end == "first"
    session.state.near = "last"
    assert session.end == "last"


def test_a_time_point_without_its_planes_is_shown_beside_the_others(
    viewer, movie, labels, fuse, show
):
    session = Session(viewer, movie[0])
    show(session, fuse(movie[0], labels), depth=True)
    fusion = fuse(movie[1], labels[::-1])
    view = TimePointView.of(movie[1], fusion, diffusion=False, depth=True, sources=False)
    view = packed(view, fusion)
    other = Session(viewer, movie[1])
    for _ in other.showing_view(view):
        pass
    assert other.canvas is None
    assert other.state is view.state
    assert other.image is session.image
    np.testing.assert_array_equal(other.image.data[1, 0], fusion.canvas.image)
    np.testing.assert_array_equal(other.image.data[0, 0], session.canvas.image)
    np.testing.assert_array_equal(other.labels.data[1, 0], labels[::-1])
    assert [one["t"] for one in found(session)] == [0, 1]


def test_other_channels_are_shown_and_follow_the_brush(viewer, stack, planes, labels, fuse, show):
    layer = viewer.add_image(planes // 2, name="red")
    red = replace(stack, layers=(layer,))
    fusion = replace(fuse(stack, labels), others=[(red, fuse(red, labels).canvas)])
    session = Session(viewer, stack)
    show(session, fusion)
    shown = viewer.layers["red fused"]
    record = shown.metadata["focusstack"]["record"]
    assert record["found"]["focus_of"] == "stack"
    session.labels.brush_size = 3
    session.labels.paint((Y, X), 1)
    assert session.follow_brush(live=True)
    assert shown.data[Y, X] == planes[0, Y, X] // 2
    assert "red planes" not in viewer.layers


def test_a_border_is_marked_and_cleared_by_the_next_fusion(
    viewer, stack, labels, fuse, monkeypatch, show
):
    from napari_focusstack.fusion.result import FusionResult

    inside = np.ones((48, 48), bool)
    inside[:12] = False
    session = Session(viewer, stack)
    with monkeypatch.context() as patched:
        patched.setattr(FusionResult, "valid", property(lambda _: inside))
        show(session, fuse(stack, labels))
    assert session.border_share == 0.25
    border = viewer.layers["stack border"]
    np.testing.assert_array_equal(border.data, ~inside)
    show(session, fuse(stack, labels))
    assert session.border_share == 0
    assert not border.data.any()


def test_painting_the_label_that_a_pixel_has_shows_its_plane(session, viewer, planes):
    image, canvas = viewer.layers["stack fused"], session.canvas
    before = image.data.copy()
    label = int(session.labels.data[Y, X])
    canvas.selected.picture[Y, X] = canvas.selection.picture[Y, X] = 7  # SEB chose another
    session.labels.paint((Y, X), label)
    assert session.follow_brush(live=True)
    assert session.state.fixes.painted[Y, X]
    assert canvas.selection.picture[Y, X] == planes[label - 1, Y, X]
    assert canvas.selection.source[Y, X] == label
    assert found(session)["painted_px"] > 0
    canvas.selected.picture[Y, X] = before[Y, X]
    session.labels.undo()
    assert session.follow_brush(live=True)
    assert not session.state.fixes.painted.any()


def test_decisions_hold_in_the_next_run_and_can_be_dropped(session):
    session.labels.paint((Y, X), int(session.labels.data[Y, X]))
    session.follow_brush(live=True)
    assert session.decided[Y, X]
    session.drop_fixes()
    session.follow_brush(live=True)
    assert not session.decided.any()
    assert not session.canvas.decided.any()
    assert not session.state.fixes.painted.any()


def test_a_cut_result_follows_the_brush_in_its_place(
    viewer, stack, labels, fuse, settings, monkeypatch, show
):
    from napari_focusstack.fusion.result import FusionResult

    inside = np.ones((48, 48), bool)
    inside[:12] = inside[:, 40:] = False
    monkeypatch.setattr(
        FusionResult, "valid", property(lambda result: result._cut(inside)), raising=True
    )
    fusion = fuse(stack, labels)
    fusion.canvas.pipeline.parameters = replace(settings, crop=True)
    session = Session(viewer, stack)
    show(session, fusion, depth=True)
    assert session.border_share == 0
    assert "stack border" not in viewer.layers
    image, canvas = viewer.layers["stack fused"], session.canvas
    np.testing.assert_array_equal(image.data, canvas.image[12:, :40])
    assert viewer.layers["stack depth"].data.shape == (36, 40)
    assert session.labels.data.shape == (48, 48)
    assert found(session)["crop"] == [[12, 48], [0, 40]]
    np.testing.assert_array_equal(session.result.image, image.data)
    session.labels.brush_size = 3
    session.labels.paint((20, 20), 1 if session.labels.data[20, 20] != 1 else 2)
    assert session.follow_brush(live=True)
    np.testing.assert_array_equal(image.data, canvas.image[12:, :40])
