"""What is in focus where: labels, depth and matte, read into two surfaces and a cover."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from napari_focusstack.errors import InputError
from napari_focusstack.segmentation import focus_map
from napari_focusstack.segmentation.focus_map import MIN_OCCLUSION_STEP, FocusMap


@pytest.fixture
def stairs():
    """Labels 1, 3, 5 from left to right, 8 px each."""
    return np.repeat(np.array([[1, 3, 5]], np.uint8), 8, 1).repeat(12, 0)


def test_labels_come_back_as_they_were(stairs):
    focus = FocusMap.of_labels(stairs, 5, stairs.shape)
    assert focus.labels.dtype == np.uint8
    np.testing.assert_array_equal(focus.labels, stairs)
    assert focus.size == (12, 24)


def test_an_edge_shows_the_front_before_what_is_behind(stairs):
    focus = FocusMap.of_labels(stairs, 5, stairs.shape)
    soft = (focus.alpha > 0) & (focus.alpha < 1)
    # one column of pixels on either side of each step, and no other
    assert torch.nonzero(soft[0, 0]).ravel().tolist() == [7, 8, 15, 16]
    assert soft.all(1).any(1)
    assert focus.front[0, 0, [7, 8, 15, 16]].tolist() == [1, 1, 3, 3]
    assert focus.behind[0, 0, [7, 8, 15, 16]].tolist() == [3, 3, 5, 5]
    cover = focus.alpha[0, 0, [7, 8]].tolist()
    assert cover[0] > 0.5 > cover[1]
    assert sum(cover) == pytest.approx(1)


def test_a_tilted_surface_has_no_edge_and_a_step_has_one():
    slope = torch.linspace(1, 4, 30).expand(1, 20, 30).contiguous()
    assert (FocusMap.of_depth(slope, 4).alpha == 1).all()
    torch.testing.assert_close(FocusMap.of_depth(slope, 4).depth, slope)
    step = slope.clone()
    step[:, :, 15:] += MIN_OCCLUSION_STEP
    alpha = FocusMap.of_depth(step, 5).alpha[0, 0]
    assert torch.nonzero(alpha < 1).ravel().tolist() == [14, 15]


@given(npst.arrays(np.uint8, (9, 11), elements=st.integers(0, 6)))
def test_any_labels_come_back_with_surfaces_in_the_right_order(labels):
    focus = FocusMap.of_labels(labels, 6, labels.shape)
    assert ((focus.alpha > 0) & (focus.alpha <= 1)).all()
    assert (focus.front <= focus.behind).all()
    assert focus.front.min() >= 1
    assert focus.behind.max() <= 6
    np.testing.assert_array_equal(focus.labels, np.where(labels == 0, 6, labels))


def test_zero_is_the_farthest_plane(stairs):
    erased = np.where(stairs == 5, 0, stairs)
    np.testing.assert_array_equal(FocusMap.of_labels(erased, 5, stairs.shape).labels, stairs)


def test_labels_of_any_whole_type_are_read(stairs):
    for kind in (np.int64, np.uint16, np.int32):
        read = FocusMap.of_labels(stairs.astype(kind), 5, stairs.shape)
        np.testing.assert_array_equal(read.labels, stairs)


def test_more_than_255_planes_need_wider_labels():
    labels = np.full((8, 8), 300, np.uint16)
    focus = FocusMap.of_labels(labels, 300, (8, 8))
    assert focus.labels.dtype == np.uint16
    np.testing.assert_array_equal(focus.labels, labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda labels: labels[1:], r"\(11, 24\)"),
        (lambda labels: labels + 1, "the value 6; a stack of 5 planes"),
        (lambda labels: labels.astype(int) - 2, "the value -1"),
        (lambda labels: labels.astype(np.float32), "float32"),
        (lambda labels: labels == 1, "bool"),
    ],
)
def test_labels_that_name_no_plane_are_refused(stairs, change, message):
    with pytest.raises(InputError, match=message):
        FocusMap.of_labels(change(stairs), 5, stairs.shape)


def test_a_pair_is_a_matte_over_one_plane_behind():
    alpha = torch.linspace(0, 1, 5).expand(1, 4, 5)
    focus = FocusMap.of_pair(alpha)
    assert focus.labels[0].tolist() == [2, 2, 2, 1, 1]
    assert focus.nearest[0, 0].tolist() == [2, 1, 1, 1, 1]
    assert focus.farthest[0, 0].tolist() == [2, 2, 2, 2, 1]
    torch.testing.assert_close(focus.occluding_alpha(2), alpha)
    assert not focus.occluding_alpha(1).any()


def test_what_lies_before_a_plane_is_all_that_is_clearly_nearer(stairs):
    focus = FocusMap.of_labels(stairs, 5, stairs.shape)
    middle = {1: 3, 3: 11, 5: 19}
    for plane, expected in {1: [0, 0, 0], 3: [1, 0, 0], 4: [1, 1, 0], 5: [1, 1, 0]}.items():
        seen = focus.occluding_alpha(plane)[0, 5]
        assert [float(seen[column]) for column in middle.values()] == expected
    # at the edge of 3 and 5 it is the cover of the front
    torch.testing.assert_close(focus.occluding_alpha(5)[0, 5, 15:17], focus.alpha[0, 5, 15:17])


def test_there_are_occlusions_only_where_depth_steps(stairs):
    assert FocusMap.of_labels(stairs, 5, stairs.shape).has_occlusions()
    assert not FocusMap.of_labels(np.full_like(stairs, 4), 5, stairs.shape).has_occlusions()
    assert not FocusMap.of_depth(torch.full((1, 8, 8), 2.4), 5).has_occlusions()


def test_painting_changes_what_was_painted_and_its_edges_only(stairs):
    depth = torch.from_numpy(stairs.astype(np.float32))[None] + 0.2
    focus = FocusMap.of_depth(depth, 5)
    labels = stairs.copy()
    labels[4:8, 2:6] = 4
    painted = focus.with_labels(labels)
    np.testing.assert_array_equal(painted.labels, labels)
    assert float(painted.depth[0, 5, 3]) == 4  # a label says no more than its plane
    assert float(painted.depth[0, 0, 0]) == pytest.approx(1.2)  # and where it says nothing new ...
    for before, after in ((focus.front, painted.front), (focus.alpha, painted.alpha)):
        assert torch.equal(before[:, :, 8:], after[:, :, 8:])


def test_labels_are_certain_and_so_is_what_was_painted(stairs):
    assert (FocusMap.of_labels(stairs, 5, stairs.shape).confidence == 1).all()
    depth = torch.from_numpy(stairs.astype(np.float32))[None]
    focus = FocusMap.of_depth(depth, 5, torch.full_like(depth, 0.1))
    labels = stairs.copy()
    labels[4:8, 2:6] = 4
    painted = focus.with_labels(labels)
    assert torch.equal(painted.confidence == 1, torch.from_numpy(labels != stairs)[None])
    assert torch.equal(painted.holes, torch.from_numpy(labels == stairs)[None])
    assert (focus.confidence == 0.1).all()  # what was found stays as it is


def test_a_pair_is_sure_but_for_its_edge_and_has_no_holes():
    focus = FocusMap.of_pair(torch.tensor([0, 0.25, 0.5, 1]).expand(1, 3, 4))
    assert focus.confidence[0, 0].tolist() == [1, 0.5, 0, 1]
    assert not focus.holes.any()


def test_a_part_is_put_back_where_it_came_from(stairs):
    focus = FocusMap.of_labels(stairs, 5, stairs.shape)
    where = np.s_[2:11, 1:8]
    labels = stairs.copy()
    labels[4:8, 3:6] = 2
    new = FocusMap.of_labels(labels, 5, stairs.shape)
    focus.paste(where, new.crop(where))
    np.testing.assert_array_equal(focus.labels, labels)
    assert (focus.confidence == 1).all()
    unsure = FocusMap.of_depth(focus.depth, 5, torch.zeros_like(focus.depth))
    unsure.paste(where, new.crop(where))
    assert int((unsure.confidence == 1).sum()) == 9 * 7
    torch.testing.assert_close(focus.alpha, new.alpha)


def test_strips_of_rows_do_not_show(monkeypatch):
    depth = 1 + 5 * torch.rand(1, 40, 30, generator=torch.Generator().manual_seed(0))
    whole = FocusMap.of_depth(depth, 6)
    monkeypatch.setattr(focus_map, "STRIP_PX", 7)
    strips = FocusMap.of_depth(depth, 6)
    for name in ("front", "behind", "alpha"):
        assert torch.equal(getattr(strips, name), getattr(whole, name))


def test_thin_lines_and_dots_keep_their_labels():
    labels = np.full((30, 30), 5, np.uint8)
    labels[10], labels[20, 5], labels[15, 4:20], labels[16, 4:20] = 1, 2, 2, 3
    np.testing.assert_array_equal(FocusMap.of_labels(labels, 5, (30, 30)).labels, labels)


def test_maps_are_equal_where_they_say_the_same_of_every_pixel():
    depth = torch.tensor([[[1.0, 1, 4, 4]]])
    focus = FocusMap.of_depth(depth, 5)
    assert focus == FocusMap.of_depth(depth.clone(), 5)
    assert focus != FocusMap.of_depth(depth, 6)
    assert focus != FocusMap.of_depth(depth.flip(-1), 5)
    assert focus != FocusMap.of_depth(depth[..., :3], 5)
    assert focus != "a map"


SIDE, PLANES = 96, 5


SIZE = (SIDE, SIDE)


@pytest.fixture
def labels():
    """A square of plane 1 and a bar of plane 3 before plane 5."""
    labels = np.full(SIZE, 5, np.uint8)
    labels[20:50, 20:50] = 1
    labels[:, 70:80] = 3
    return labels


@pytest.mark.parametrize("pair", [False, True])
def test_painting_nothing_changes_nothing(labels, pair):
    focus = FocusMap.of_depth(torch.from_numpy(labels[None].astype(np.float32)) + 0.3, PLANES)
    if pair:
        focus = FocusMap.of_pair(torch.from_numpy(labels == 1)[None].float())
    painted = focus.with_labels(focus.labels)
    for name in ("front", "behind", "alpha"):
        assert torch.equal(getattr(painted, name), getattr(focus, name))


def test_a_stroke_of_one_pixel_is_kept(labels):
    focus = FocusMap.of_labels(labels, PLANES, SIZE)
    new = focus.labels
    new[60, 60], new[5, 5] = 2, 4
    painted = focus.with_labels(new)
    np.testing.assert_array_equal(painted.labels, new)
    changed = (painted.depth != focus.depth)[0].nonzero()
    assert len(changed) == 2


def test_what_is_not_labelled_is_farthest(labels):
    focus = FocusMap.of_labels(labels, PLANES, SIZE)
    erased = focus.labels
    erased[30:40, 30:40] = 0
    assert (focus.with_labels(erased).labels[30:40, 30:40] == PLANES).all()


def test_a_label_that_names_no_plane_is_refused(labels):
    focus = FocusMap.of_labels(labels, PLANES, SIZE)
    with pytest.raises(InputError, match=r"label 6 names no plane, for there are 5; paint with 1"):
        focus.with_labels(np.where(labels == 3, 6, labels))


def test_some_planes_are_renumbered_and_back():
    depth = torch.linspace(1, 4, 60).reshape(1, 6, 10)
    some = FocusMap.of_depth(depth, 4)
    every = some.renumbered([1, 5, 9, 14], 14)
    assert every.planes == 14
    assert float(every.depth.max()) == 14
    torch.testing.assert_close(every.restricted([1, 5, 9, 14]).depth, depth)
    beyond = FocusMap.of_depth(torch.tensor([[[1.0, 2, 6, 7]]]), 7).restricted([2, 4, 6])
    assert beyond.depth.flatten().tolist() == [1, 1, 3, 3]


def test_a_reversed_map_has_behind_what_was_in_front():
    alpha = torch.tensor([[[1.0, 0.3, 1.0]]])
    front, behind = torch.tensor([[[1.0, 1, 4]]]), torch.tensor([[[1.0, 4, 4]]])
    reversed_map = FocusMap(front, behind, alpha, 4, torch.ones(1, 1, 3)).reversed
    assert reversed_map.depth.flatten().tolist() == [4, 1, 1]
    torch.testing.assert_close(reversed_map.alpha, torch.tensor([[[1.0, 0.7, 1.0]]]))
    assert reversed_map.front[0, 0, 1] == 1
    assert reversed_map.behind[0, 0, 1] == 4


def test_uneven_planes_have_places():
    depth = torch.tensor([[[1.0, 1.5, 2, 3]]])
    focus = FocusMap.of_depth(depth, 3)
    assert focus.place(depth) is depth
    uneven = replace(focus, places=(1.0, 1.2, 3.0))
    torch.testing.assert_close(uneven.place(depth), torch.tensor([[[1.0, 1.1, 1.2, 3]]]))
    assert uneven.crop((slice(0, 1), slice(0, 2))).places == (1.0, 1.2, 3.0)


def test_decided_labels_are_hard_also_where_the_map_agrees():
    decided = np.zeros((12, 12), bool)
    decided[4:8, 4:8] = True
    focus = FocusMap.of_pair(torch.full((1, 12, 12), 0.7))
    alpha = focus.with_labels(np.ones((12, 12), np.uint8), decided).alpha[0].numpy()
    assert (alpha[decided] == 1).all()
    assert (alpha[~decided] == np.float32(0.7)).all()

    low = torch.full((1, 12, 12), 0.3)
    stack = FocusMap(torch.full_like(low, 2), torch.full_like(low, 4), 1 - low, 5, low)
    hard = stack.with_labels(np.full((12, 12), 2, np.uint8), decided)
    assert (hard.alpha[0].numpy()[decided] == 1).all()
    assert (hard.confidence[0].numpy()[decided] == 1).all()
    assert (hard.alpha[0, :3].numpy() == 1 - np.float32(0.3)).all()
