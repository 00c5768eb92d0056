"""Photographed pairs with masks made by hand, fused with the shipped weights."""

import imagecodecs
import numpy as np
import pytest

import napari_focusstack as nfs
from napari_focusstack.evaluation.truth_metrics import mean_iou
from napari_focusstack.imaging.intensity import Intensity

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
        planes = [near, far]
        if result.light is not None:
            planes = result.light.equalize(planes, Intensity.of(planes))
        expected = np.where((result.source == 1)[..., None], *planes)
        np.testing.assert_array_equal(result.image[outside], expected[outside])
        assert result.transition_region.mean() < 0.3


def test_veils_are_removed_from_all_five_pairs(fused):
    regions = [result.transition_region.mean() for _, _, result, _ in fused]
    assert sum(share > 0.02 for share in regions) == 5, regions


def test_exposures_that_differ_are_found(fused):
    changes = [result.light.largest_change for _, _, result, _ in fused]
    assert 0.05 < min(changes) < max(changes) < 0.2


def test_the_blur_that_is_found_is_one_a_lens_makes(fused):
    for psf in filter(None, (result.psf for _, _, result, _ in fused)):
        assert 2 < psf.sigma_px < 6
        assert 2 < psf.sigma_k2_px < 8
        assert abs(psf.breathing.magnification - 1) < 0.03
        assert psf.residual < 0.03
