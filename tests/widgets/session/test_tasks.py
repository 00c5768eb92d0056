"""The tasks of a fusion, run without a thread."""

from dataclasses import replace

import numpy as np
import pytest

import napari_focusstack as nfs
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.label_edits import Fixes
from napari_focusstack.runtime.progress import Progress, run
from napari_focusstack.widgets.session.label_layer import LabelState
from napari_focusstack.widgets.session.source import Source
from napari_focusstack.widgets.session.tasks import (
    Channels,
    along,
    estimating,
    fusing,
    segmenting,
)


@pytest.fixture
def estimated(settings, deb_weights):
    """Settings with a DEB that needs no training."""
    return replace(settings, deb_weights=str(deb_weights), elimination="none")


def test_given_labels_are_fused_as_fuse_does(stack, planes, labels, settings):
    fusion = run(fusing(stack, settings, labels=labels)())
    alone = nfs.fuse(
        planes, labels=labels, psf=1.0, psf_shape="gaussian", register="off", device="cpu"
    )
    np.testing.assert_array_equal(fusion.canvas.image, alone.image)
    np.testing.assert_array_equal(fusion.labels, labels)
    assert not fusion.segmented
    assert fusion.diagnosis is None
    assert fusion.canvas.psf.sigma_px == 1.0


def test_segmentation_is_known_with_its_settings(stack, estimated):
    state = run(segmenting(stack, estimated)())
    assert state.focus.planes == 3
    assert state.parameters == estimated
    assert "deb" in state.weights
    assert (state.near, state.psf, state.fixes) == ("first", None, None)


def test_without_labels_they_are_estimated_and_fixes_stay_on_top(stack, estimated):
    state = run(segmenting(stack, estimated)())
    fixes = Fixes(state.labels)
    painted = state.labels.copy()
    painted[:4, :4] = 1 + painted[:4, :4] % 3
    fixes.follow(painted)
    fusion = run(fusing(stack, estimated, fixes=fixes)())
    assert fusion.segmented
    assert fusion.diagnosis is not None
    np.testing.assert_array_equal(fusion.labels, painted)
    np.testing.assert_array_equal(fusion.state.labels, state.labels)  # the estimate is kept
    chosen = np.take_along_axis(np.stack(stack.planes()), painted[None].astype(int) - 1, 0)[0]
    np.testing.assert_array_equal(fusion.canvas.initial[:4, :4], chosen[:4, :4])
    assert not fusion.canvas.selection.blended[:4, :4].any()


def test_known_sources_are_used_until_their_settings_change(stack, estimated):
    first = run(fusing(stack, estimated)())
    known, labels = first.state, first.labels
    kept = run(fusing(stack, replace(estimated, elimination="subtract"), known, labels)())
    assert kept.state.selection is known.selection
    for changed in ({"blend": "none"}, {"intensity": "srgb"}):
        again = run(fusing(stack, replace(estimated, **changed), known, labels)())
        anew = run(fusing(stack, replace(estimated, **changed))())
        assert again.state.selection is not known.selection, changed
        np.testing.assert_array_equal(again.state.selection.picture, anew.state.selection.picture)


def test_fixes_of_another_shape_are_left_out(stack, estimated):
    fixes = Fixes.painted_by_hand(np.ones((8, 8), np.uint8))
    fusion = run(fusing(stack, estimated, fixes=fixes)())
    np.testing.assert_array_equal(fusion.labels, fusion.state.labels)


def test_a_known_blur_is_used_until_its_settings_change(stack, labels, settings):
    first = run(fusing(stack, settings, labels=labels)()).state
    known = replace(first, psf=replace(first.psf, sigma_px=0.7))
    kept = run(fusing(stack, settings, known, labels)())
    assert kept.state.psf is known.psf
    assert kept.canvas.psf.sigma_px == 0.7
    for changed in ({"psf_shape": "disk"}, {"psf": 2.0}, {"intensity": "srgb"}):
        again = run(fusing(stack, replace(settings, **changed), known, labels)())
        assert again.state.psf is not known.psf
        assert again.state.psf_parameters == replace(settings, **changed)
    unrelated = run(fusing(stack, replace(settings, tile_px=512), known, labels)())
    assert unrelated.state.psf is known.psf


def test_the_record_keeps_how_the_labels_were_estimated(stack, labels, settings):
    state = LabelState(parameters=replace(settings, tile_px=512, crf=False), by_hand=True)
    fusion = run(fusing(stack, replace(settings, elimination="subtract"), state, labels)())
    parameters = fusion.canvas.pipeline.parameters
    assert (parameters.tile_px, parameters.crf) == (512, False)
    assert parameters.elimination == "subtract"


def test_a_new_estimate_of_the_blur_drops_the_weights_of_the_old(stack, labels, settings):
    state = LabelState(weights={"deb": "d", "keb": "k"}, painted_since=True)
    new = run(estimating(stack, settings, state, labels)())
    assert new.psf.sigma_px == 1.0
    assert new.weights == {"deb": "d"}
    assert not new.painted_since
    assert (state.psf, state.painted_since) == (None, True)  # a task changes nothing


def test_without_an_edge_there_is_no_blur_to_estimate(stack, labels, settings):
    with pytest.raises(InputError, match="no blur to measure"):
        run(estimating(stack, settings, LabelState(), np.full_like(labels, 2))())
    with pytest.raises(InputError, match="no planes were found yet"):
        run(estimating(stack, settings, LabelState(), None)())


def test_labels_of_another_shape_are_refused(stack, settings):
    with pytest.raises(InputError):
        run(fusing(stack, settings, labels=np.ones((8, 8), np.uint8))())


def test_other_channels_take_focus_and_order_of_the_first(viewer, stack, planes, labels, settings):
    layer = viewer.add_image(255 - planes // 2, name="red")
    red = Source((layer,), 0, (0,))
    plain = replace(settings, elimination="none")
    fusion = run(fusing(stack, plain, labels=labels, channels=Channels((red,)))())
    ((source, canvas),) = fusion.others
    assert source is red
    np.testing.assert_array_equal(canvas.image, 255 - fusion.canvas.image // 2)
    last = replace(plain, near="last")
    turned = run(fusing(stack, last, labels=labels, channels=Channels((red,)))())
    assert turned.others[0][1].pipeline.near == "last"


def test_focus_is_estimated_from_all_channels_together(viewer, stack, planes, estimated):
    blank = viewer.add_image(np.full_like(planes, 90), name="blank")
    blank.data[:, ::7] = 91
    source = Source((blank,), 0, (0,))
    alone = run(segmenting(source, estimated)())
    together = run(segmenting(source, estimated, Channels((stack,), together=True))())
    reference = run(segmenting(stack, estimated)())
    inner = np.s_[6:-6, 6:-6]
    agreement = [(each.labels == reference.labels)[inner].mean() for each in (alone, together)]
    assert agreement[1] > 0.8 > agreement[0]


def test_time_points_are_fused_in_turn_and_counted():
    def fake(result):
        def task():
            yield Progress("fuse", 1, 2)
            return result

        return task

    steps = []
    task = along([fake("a"), fake("b")], lambda number, fusion: (number, fusion))
    assert run(task(), steps.append) == [(0, "a"), (1, "b")]
    assert steps == [Progress("fuse", 1, 2, 1, 2), Progress("fuse", 1, 2, 2, 2)]
