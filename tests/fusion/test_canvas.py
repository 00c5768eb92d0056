"""Canvas: the fused image follows the brush."""

import numpy as np
import pytest
import torch

from napari_focusstack.elimination.alpha_matting import REACH_PX
from napari_focusstack.elimination.blockwise import eliminate
from napari_focusstack.errors import InputError
from napari_focusstack.fusion import surface_planes
from napari_focusstack.fusion.canvas import Canvas
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.networks.teb import TEB
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.segmentation.labels import EDIT_REACH_PX
from napari_focusstack.source.selection import Selection

SIDE, PLANES = 96, 5
SIZE = (SIDE, SIDE)


@pytest.fixture(scope="module")
def planes():
    """Five planes of noise: each pixel shows from which plane it was taken."""
    return np.random.default_rng(0).integers(1, 60000, (PLANES, SIDE, SIDE), np.uint16)


@pytest.fixture
def labels():
    """A square of plane 1 and a bar of plane 3 before plane 5."""
    labels = np.full(SIZE, 5, np.uint8)
    labels[20:50, 20:50] = 1
    labels[:, 70:80] = 3
    return labels


def canvas_of(planes, labels, psf=None):
    pipeline = Pipeline(planes, FuseParameters(device="cpu"))
    focus = FocusMap.of_labels(labels, len(planes), SIZE)
    canvas = Canvas(pipeline, focus, psf, focus.labels)
    run(canvas.fuse())
    return canvas


def test_labels_of_another_shape_are_refused(planes, labels):
    pipeline = Pipeline(planes, FuseParameters(device="cpu"))
    focus = FocusMap.of_labels(labels, PLANES, SIZE)
    with pytest.raises(InputError, match=r"shape \(9, 96\), the planes \(96, 96\)"):
        Canvas(pipeline, focus, None, labels[:9])


def test_without_a_blur_a_stroke_copies_the_plane_that_it_names(planes, labels):
    canvas = canvas_of(planes, labels)
    painted = canvas.focus.labels
    painted[60:70, 10:20] = 2
    where = canvas.paint(painted, (slice(60, 70), slice(10, 20)))
    np.testing.assert_array_equal(canvas.image[62:68, 12:18], planes[1, 62:68, 12:18])
    assert where == (slice(52, 78), slice(2, 28))
    assert (canvas.image[:52] == canvas.initial[:52]).all()


@pytest.mark.parametrize(("plane", "beyond"), [(1, True), (5, False)])
def test_a_stroke_is_followed_as_far_as_its_blur_reaches(planes, labels, plane, beyond):
    psf = Psf(1.5, 1.5)
    canvas = canvas_of(planes, labels, psf)
    before = canvas.image.copy()
    painted = canvas.focus.labels
    changed = slice(60, 66), slice(30, 36)
    painted[changed] = plane
    where = canvas.paint(painted, changed)
    assert (canvas.image[where] != before[where]).any() == beyond
    outside = np.ones(SIZE, bool)
    outside[where] = False
    np.testing.assert_array_equal(canvas.image[outside], before[outside])
    reach = TEB.reach + (psf.reach_px(SIZE, 4.0) + REACH_PX if beyond else 0)
    assert where[0].start == max(0, 60 - 8 - reach)


def test_following_strokes_comes_to_what_fusing_anew_comes_to(planes, labels):
    psf = Psf(1.0, 1.0)
    canvas = canvas_of(planes, labels, psf)
    found, painted = canvas.estimated, canvas.focus.labels
    for plane, rows, columns in (
        (2, (60, 68), (30, 50)),
        (5, (25, 32), (44, 56)),
        (4, (0, 9), (66, 84)),
    ):
        changed = slice(*rows), slice(*columns)
        painted[changed] = plane
        canvas.paint(painted, changed)
    anew = Canvas(canvas.pipeline, found, psf, painted)
    run(anew.fuse())
    np.testing.assert_array_equal(canvas.focus.labels, anew.focus.labels)
    np.testing.assert_array_equal(canvas.region, anew.region)
    np.testing.assert_array_equal(canvas.initial, anew.initial)
    assert np.abs(canvas.image.astype(int) - anew.image).max() <= 60


def test_a_stroke_computes_light_only_as_far_as_its_blur_reaches(planes, labels, monkeypatch):
    canvas, psf = canvas_of(planes, labels, Psf(0.5, 0.5)), Psf(0.5, 0.5)
    computed = []

    def noting(light, focus, psf, method, within, budget):
        computed.append(within)
        return eliminate(light, focus, psf, method, within, budget)

    monkeypatch.setattr("napari_focusstack.fusion.pipeline.eliminate", noting)
    painted = canvas.focus.labels
    painted[0:4, 0:4] = 1
    where = canvas.paint(painted, np.s_[0:4, 0:4])
    reach = 4 + EDIT_REACH_PX + psf.reach_px(SIZE, 4.0) + REACH_PX
    assert computed == [np.s_[0:reach, 0:reach]]
    assert where == np.s_[0 : reach + TEB.reach, 0 : reach + TEB.reach]


def test_a_refused_stroke_leaves_all_as_it_was(planes, labels):
    canvas = canvas_of(planes, labels, Psf(1.0, 1.0))
    image, depth = canvas.image.copy(), canvas.focus.depth.clone()
    painted = canvas.focus.labels
    painted[60, 60] = 9
    with pytest.raises(InputError, match="label 9 names no plane"):
        canvas.paint(painted, (slice(60, 61), slice(60, 61)))
    np.testing.assert_array_equal(canvas.image, image)
    assert torch.equal(canvas.focus.depth, depth)


def test_a_pair_is_painted_by_the_same_canvas(planes, labels):
    canvas = canvas_of(planes[:2], np.where(labels == 1, 1, 2), Psf(2.0, 2.0))
    painted = canvas.focus.labels
    painted[80:90, 80:90] = 1
    canvas.paint(painted, (slice(80, 90), slice(80, 90)))
    np.testing.assert_array_equal(canvas.image[83:87, 83:87], planes[0, 83:87, 83:87])


def test_in_a_pair_a_label_that_names_no_plane_is_the_far_one(planes, labels):
    canvas = canvas_of(planes[:2], np.where(labels == 1, 1, 2), Psf(2.0, 2.0))
    painted = canvas.focus.labels
    row, column = np.argwhere(labels == 1)[0]
    painted[row, column] = 9
    canvas.paint(painted, (slice(row, row + 1), slice(column, column + 1)))
    assert canvas.selection.source[row, column] == 2
    np.testing.assert_array_equal(canvas.initial[row, column], planes[1, row, column])


def estimated_selection(planes):
    """A picture in which even columns come from plane 2, odd ones from 4; its top is blended."""
    source = np.full(SIZE, 2, np.uint8)
    source[:, 1::2] = 4
    picture = np.where(source == 2, planes[1], planes[3])
    blended = np.zeros(SIZE, bool)
    blended[:30] = True
    picture[blended] = 7
    return Selection(picture, source, blended, np.full(SIZE, -5, np.float16))


def test_painted_pixels_take_their_plane_and_all_others_their_estimated_source(planes, labels):
    pipeline = Pipeline(planes, FuseParameters(device="cpu"))
    focus = FocusMap.of_labels(labels, PLANES, SIZE)
    selected = estimated_selection(planes)
    painted = focus.labels.copy()
    painted[20:24, 60:64] = 3
    canvas = Canvas(pipeline, focus, None, painted, selected)
    run(canvas.fuse())
    expected = selected.picture.copy()
    expected[20:24, 60:64] = planes[2, 20:24, 60:64]
    np.testing.assert_array_equal(canvas.image, expected)
    assert canvas.has_estimated_sources
    assert (canvas.selection.source[20:24, 60:64] == 3).all()
    assert not canvas.selection.blended[20:24, 60:64].any()
    assert canvas.selection.blended[:20].all()
    canvas.paint(focus.labels.copy(), (slice(20, 24), slice(60, 64)))  # undone
    np.testing.assert_array_equal(canvas.image, selected.picture)
    np.testing.assert_array_equal(canvas.selection.source, selected.source)
    np.testing.assert_array_equal(canvas.selection.blended, selected.blended)


def test_strokes_over_estimated_sources_come_to_what_fusing_anew_comes_to(planes, labels):
    psf = Psf(1.0, 1.0)
    pipeline = Pipeline(planes, FuseParameters(device="cpu"))
    focus = FocusMap.of_labels(labels, PLANES, SIZE)
    selected = estimated_selection(planes)
    canvas = Canvas(pipeline, focus, psf, focus.labels, selected)
    run(canvas.fuse())
    painted = canvas.focus.labels
    for plane, rows, columns in ((2, (60, 68), (30, 50)), (5, (25, 32), (44, 56))):
        changed = slice(*rows), slice(*columns)
        painted[changed] = plane
        canvas.paint(painted, changed)
    anew = Canvas(pipeline, focus, psf, painted, selected)
    run(anew.fuse())
    np.testing.assert_array_equal(canvas.initial, anew.initial)
    np.testing.assert_array_equal(canvas.region, anew.region)
    outside = ~canvas.region
    np.testing.assert_array_equal(canvas.image[outside], canvas.initial[outside])
    assert np.abs(canvas.image.astype(int) - anew.image).max() <= 60


def test_a_painted_pixel_takes_its_plane_also_where_its_label_was_there_already(planes, labels):
    pipeline = Pipeline(planes, FuseParameters(device="cpu"))
    focus = FocusMap.of_labels(labels, PLANES, SIZE)
    selected = estimated_selection(planes)
    canvas = Canvas(pipeline, focus, None, focus.labels, selected)
    run(canvas.fuse())
    assert (canvas.image[30:34, 30:34] != planes[0, 30:34, 30:34]).any()
    decided = np.zeros(SIZE, bool)
    decided[30:34, 30:34] = True
    canvas.paint(focus.labels.copy(), (slice(30, 34), slice(30, 34)), decided)
    np.testing.assert_array_equal(canvas.image[30:34, 30:34], planes[0, 30:34, 30:34])
    assert (canvas.selection.source[30:34, 30:34] == 1).all()
    anew = Canvas(pipeline, focus, None, focus.labels, selected, decided)
    run(anew.fuse())
    np.testing.assert_array_equal(anew.image, canvas.image)
    canvas.paint(focus.labels.copy(), (slice(30, 34), slice(30, 34)), np.zeros(SIZE, bool))
    np.testing.assert_array_equal(canvas.image, selected.picture)


def test_strokes_reach_the_few_planes_that_stand_for_the_surfaces(planes, labels, monkeypatch):
    monkeypatch.setattr(surface_planes, "distinct_planes", lambda count, width: [1, 3, 5])
    canvas = canvas_of(planes, labels, Psf(1.5, 1.5))
    assert not canvas.pipeline.surfaces.are_all
    painted = canvas.focus.labels
    for changed, plane in ((np.s_[60:66, 30:36], 1), (np.s_[20:30, 20:60], 4)):
        painted[changed] = plane
        canvas.paint(painted, changed)
    anew = run(canvas.pipeline.eliminate(canvas.focus, canvas.psf, canvas.selection))
    np.testing.assert_array_equal(canvas.region, anew[1])
    np.testing.assert_allclose(canvas.image.astype(float), anew[0], atol=2)
