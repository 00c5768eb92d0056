"""Photographed pairs with masks made by hand, fused with the shipped weights."""

import imagecodecs
import numpy as np
import pytest

import napari_focusstack as nfs
from napari_focusstack.evaluation.truth_metrics import mean_iou

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def fused(shared_data):
    """Near plane, far plane, result and true mask of each pair."""
    folder = shared_data / "dev" / "pairs"
    cases = []
    for path in sorted(folder.glob("*-near.jpg")):
        name = path.name.removesuffix("-near.jpg")
        near, far = (imagecodecs.imread(folder / f"{name}-{end}.jpg") for end in ("near", "far"))
        truth = imagecodecs.imread(folder / f"{name}-mask.png")
        truth = truth if truth.ndim == 2 else truth[..., 0]
        cases.append((near, far, nfs.fuse([near, far]), truth > 127))
    return cases


def test_the_foreground_is_found(fused):
    assert len(fused) == 5
    overlaps = [mean_iou(result.labels == 1, truth) for _, _, result, truth in fused]
    assert np.mean(overlaps) >= 0.96, overlaps
    assert min(overlaps) >= 0.85, overlaps


def test_pixels_outside_the_transition_region_are_the_sources(fused):
    for near, far, result, _ in fused:
        outside = ~result.transition_region & ~result.blended
        expected = np.where((result.source == 1)[..., None], near, far)
        np.testing.assert_array_equal(result.image[outside], expected[outside])
        assert 0 < result.transition_region.mean() < 0.6
        assert (result.image != result.initial)[result.transition_region].any()


def test_the_blur_that_is_found_is_one_a_lens_makes(fused):
    for _, _, result, _ in fused:
        assert 0.5 < result.sigma_px < 40
        assert result.consistency < 0.1
