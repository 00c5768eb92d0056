"""FusionResult: what a result says of itself."""

import numpy as np
import pytest
import torch

import napari_focusstack as nfs
from napari_focusstack.fusion.result import FusionResult
from napari_focusstack.registration.transforms import IDENTITY, Registration
from napari_focusstack.segmentation.focus_map import FocusMap


def same_bytes(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def test_the_result_describes_itself(pair, scene, alpha, result):
    assert isinstance(result, FusionResult)
    assert result.labels.dtype == np.uint8
    np.testing.assert_array_equal(result.labels, np.where(scene.mask, 1, 2))
    np.testing.assert_array_equal(result.depth, np.where(scene.mask, 0, 1))
    np.testing.assert_array_equal(result.alpha, alpha)
    np.testing.assert_array_equal(result.initial, np.where(scene.mask[..., None], *pair))
    np.testing.assert_array_equal(
        result.diffusion, result.initial.astype(np.float32) - result.image
    )
    assert not result.diffusion[~result.transition_region].any()
    # The foreground is brighter than what lies behind it: what was removed is light.
    assert result.diffusion[result.transition_region & ~scene.mask].mean() > 1
    assert result.sigma_px == 3.0
    assert 0 < result.consistency < 0.02
    assert result.intensity == "srgb"
    assert result.crf_backend is None
    assert set(result.weights) == {"teb"}  # mask and blur were given


@pytest.fixture(scope="module")
def focal_stack(make_focal_stack):
    return make_focal_stack(5, 1.5)


def test_depth_is_counted_in_the_unit_of_the_distance_between_planes(focal_stack):
    planes = focal_stack.planes()
    counted, measured = (
        nfs.fuse(planes, labels=focal_stack.labels, elimination="none", z_step=z_step)
        for z_step in (0.0, 2.5)
    )
    np.testing.assert_array_equal(counted.depth, focal_stack.labels - 1.0)
    np.testing.assert_array_equal(measured.depth, 2.5 * counted.depth)
    assert measured.depth.dtype == np.float32


def test_depth_lies_between_planes_where_focus_does(make_focal_stack):
    result = nfs.fuse(make_focal_stack(5, 1.5).planes(), elimination="none", device="cpu")
    assert 0 <= result.depth.min() < result.depth.max() <= 4
    assert (result.depth % 1 != 0).any()
    kept = ~result.filled
    assert kept.mean() > 0.8
    np.testing.assert_array_equal((np.rint(result.depth) + 1)[kept], result.labels[kept])


def test_depth_is_filled_where_nothing_is_in_focus_and_the_result_says_so(focal_stack):
    planes = focal_stack.planes()
    depth = torch.linspace(2, 4, 96).repeat(1, 96, 1)
    confidence = torch.full_like(depth, 0.9)
    confidence[:, 30:60, 40:60] = 0.1
    wrong = torch.where(confidence < 0.2, 5.0, depth)
    focus = FocusMap.of_depth(wrong, 5, confidence)
    result = nfs.fuse(planes, labels=focus, elimination="none", z_step=2.0)
    np.testing.assert_array_equal(result.confidence, confidence[0])
    np.testing.assert_array_equal(result.filled, confidence[0] < 0.2)
    assert result.figures()["filled"] == pytest.approx(30 * 20 / 96**2)
    off = np.abs(result.depth - 2 * (depth[0].numpy() - 1))
    assert off[~result.filled].max() < 1e-5
    assert off[result.filled].max() < 0.4  # it was 3.2 to 5 off
    assert (result.labels[30:60, 40:60] == 5).all()  # labels are of what was found


def test_given_labels_and_pairs_are_not_filled(focal_stack, scene):
    stack = nfs.fuse(focal_stack.planes(), labels=focal_stack.labels, elimination="none")
    assert (stack.confidence == 1).all()
    pair = nfs.fuse(scene.planes(), labels=scene.mask, psf=3.0)
    np.testing.assert_allclose(pair.confidence, np.abs(2 * pair.alpha - 1))
    for result in (stack, pair):
        assert result.confidence.dtype == np.float32
        assert not result.filled.any()
        assert result.figures()["filled"] == 0


def test_pixels_that_not_every_plane_shows_are_not_valid(pair, alpha, result):
    assert result.valid.all()
    down = ((1.0, 0.0, 3.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    known = Registration((IDENTITY, down), (96, 96), "shift")
    moved = nfs.fuse(pair, labels=alpha, psf=3.0, device="cpu", registration=known)
    assert moved.registration is known
    assert moved.valid[:92].all()
    assert not moved.valid[-3:].any()
