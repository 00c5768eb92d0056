"""Places that one surface fills lie clear of all steps, slopes and doubts."""

import pytest
import torch

from napari_focusstack.psf_estimation.boundary_patches import PATCH_PX
from napari_focusstack.psf_estimation.flat_patches import (
    AROUND_PX,
    COARSE_PX,
    MAX_FLAT_PATCHES,
    flat_patches,
)
from napari_focusstack.segmentation.focus_map import FocusMap


@pytest.fixture
def depth():
    """A nearer surface, columns 100 to 219 of 320, in 256 rows."""
    depth = torch.full((1, 256, 320), 5.0)
    depth[..., 100:220] = 2.0
    return depth


def covered(depth, confidence=None):
    """Which pixels some place says are even."""
    found = torch.zeros_like(depth, dtype=torch.bool)
    for where, even in flat_patches(FocusMap.of_depth(depth, 5, confidence)):
        found[:, *where] |= even
    return found[0]


def test_they_keep_away_from_steps_as_far_as_light_gets(depth):
    found = covered(depth)
    assert found.float().mean() > 0.3
    for step in (100, 220):
        assert not found[:, step - AROUND_PX : step + AROUND_PX].any()
    assert found[120, 160]
    assert found[120, 100 - AROUND_PX - 2 * COARSE_PX]


def test_a_slope_of_less_than_a_step_is_even_and_a_steeper_one_is_not(depth):
    columns = torch.arange(320.0)
    gentle = (1 + columns / 320 * 4).expand_as(depth).contiguous()
    assert covered(gentle).float().mean() > 0.3
    steep = (1 + (columns / 16) % 4).expand_as(depth).contiguous()
    assert not covered(steep).any()


def test_what_is_not_sure_does_not_count(depth):
    confidence = torch.ones_like(depth)
    confidence[:, :, 100:] = 0.3
    found = covered(depth, confidence)
    assert not found[:, 100 - COARSE_PX :].any()
    assert found.any()


def test_without_any_there_are_none(depth):
    assert flat_patches(FocusMap.of_depth(depth, 5, torch.zeros_like(depth))) == []


def test_places_are_windows_from_all_over_a_large_image():
    places = flat_patches(FocusMap.of_depth(torch.full((1, 1600, 1600), 3.0), 5))
    assert 20 < len(places) <= MAX_FLAT_PATCHES
    rows = [where[0] for where, _ in places]
    assert {one.stop - one.start for one in rows} == {PATCH_PX}
    assert min(one.start for one in rows) < 200
    assert max(one.start for one in rows) > 1200


def test_an_image_smaller_than_a_window_is_one_place():
    ((where, even),) = flat_patches(FocusMap.of_depth(torch.full((1, 50, 60), 3.0), 5))
    assert where == (slice(0, 50), slice(0, 60))
    assert even.shape == (1, 50, 60)
    assert int(even.sum()) == (50 - 2 * AROUND_PX) * (60 - 2 * AROUND_PX)
