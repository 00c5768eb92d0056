"""What lies over which plane, how far before it, and where."""

import math

import pytest
import torch

from napari_focusstack.elimination.occluders import (
    LOG_FROM_STEPS,
    LOG_RATIO,
    WHOLE_FROM_STEPS,
    occlusions_in,
    quantize_distances,
)
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.segmentation.focus_map import FocusMap

WHOLE = slice(0, 64), slice(0, 160)
#: Distances are rounded by up to half a ratio of 1.35 to save blurs.
ROUNDING = 0.17


def stripes(*ends_and_depths):
    """A map of 7 planes whose depth changes from column to column."""
    depth = torch.full((1, 64, 160), 7.0)
    for end, value in reversed(ends_and_depths):
        depth[:, :, :end] = value
    whole = torch.ones_like(depth)
    return FocusMap(depth, depth, whole, 7, whole)


def test_each_plane_behind_a_surface_has_an_occlusion_and_the_nearest_has_none():
    focus = stripes((40, 1.0), (100, 4.0))
    occlusions = {occlusion.plane: occlusion for occlusion in occlusions_in(focus, Psf(1.0), WHOLE)}
    assert sorted(occlusions) == [4, 7]
    beside = occlusions[4]
    assert beside.bbox[1].start == 40
    assert beside.bbox[1].stop == 40 + int(beside.mask[0].sum())
    # over the last plane lies what is at 4, three steps before it; what is at 1 is too far away
    assert occlusions[7].distance_steps == pytest.approx(3, rel=ROUNDING)


def test_the_distance_is_that_of_what_is_nearest_beside_a_pixel():
    focus = stripes((80, 2.0))
    focus.front[:, 32:, :80] = 6.0
    (over_six, occlusion) = occlusions_in(focus, Psf(2.0), WHOLE)
    assert (over_six.plane, occlusion.plane) == (6, 7)
    column = 84 - occlusion.support[1].start
    assert occlusion.depth[0, [4, 60], column].tolist() == [2.0, 6.0]
    steps = occlusion.distance_steps[0, 0, [4, 60], column].tolist()
    assert steps == pytest.approx([5, 1], rel=ROUNDING)


def test_surfaces_less_than_a_step_apart_do_not_occlude():
    assert list(occlusions_in(stripes((80, 6.4)), Psf(2.0), WHOLE)) == []


def test_distances_are_rounded_to_few_that_are_near_enough():
    steps = torch.linspace(0.75, 60, 2000)
    found = quantize_distances(steps, 1.0)
    assert len(found.unique()) <= 18
    far = steps >= LOG_FROM_STEPS
    assert ((found / steps)[far].log().abs() <= math.log(LOG_RATIO) / 2 + 1e-4).all()
    assert ((found - steps)[~far].abs() <= 0.51).all()
    assert ((found - steps)[steps < WHOLE_FROM_STEPS].abs() <= 0.26).all()
    whole = torch.arange(1.0, 9)
    assert quantize_distances(whole, 1.0).tolist() == pytest.approx(whole.tolist())


def test_distances_that_blur_alike_are_one():
    steps = torch.linspace(0.75, 1.9, 50)
    assert quantize_distances(steps, 1.0).unique().tolist() == [1.0, 1.5, 2.0]
    assert quantize_distances(steps, 0.3).unique().tolist() == [1.0, 2.0]
    assert quantize_distances(torch.tensor(1.0), 0.3).item() == 1  # of a pair
