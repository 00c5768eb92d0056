"""Patches are cut where the boundary has the most contrast."""

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.psf_estimation.boundary_patches import (
    MAX_PATCHES,
    MIXED_WEIGHT,
    PATCH_PX,
    BoundaryPatches,
    NoOcclusionBoundary,
)
from napari_focusstack.segmentation.focus_map import FocusMap


@pytest.mark.parametrize(("value", "percent"), [(0.0, "0%"), (1.0, "100%")])
def test_a_mask_without_a_boundary_is_refused(value, percent):
    plane = torch.rand(3, 32, 32)
    with pytest.raises(InputError, match=percent):
        BoundaryPatches.from_pair(plane, plane, torch.full((1, 32, 32), value))


def test_patches_lie_inside_the_image_along_the_boundary():
    side = 700
    alpha = torch.zeros(1, side, side)
    alpha[:, :, :350] = 1
    rng = torch.Generator().manual_seed(0)
    near, far = torch.rand(2, 3, side, side, generator=rng)
    patches = BoundaryPatches.from_pair(near, far, alpha)
    assert 1 < len(patches.corners) <= MAX_PATCHES
    assert patches.near.shape == (len(patches.corners), 3, PATCH_PX, PATCH_PX)
    for (y, x), piece in zip(patches.corners, patches.alpha, strict=True):
        assert 0 <= y <= side - PATCH_PX
        assert x < 350 < x + PATCH_PX
        assert 0 < float(piece.mean()) < 1


def test_an_image_smaller_than_a_patch_is_one_patch(make_scene):
    scene = make_scene(2.0, side=64)
    patches = BoundaryPatches.from_pair(scene.near, scene.far, scene.alpha)
    assert patches.corners == ((0, 0),)
    assert torch.equal(patches.far[0], scene.far)


def test_patches_of_a_stack_show_the_planes_in_which_both_surfaces_are_sharp(light_of):
    side = 400
    depth = torch.full((1, side, side), 6.0)
    depth[:, :, :200] = 2.2
    images = torch.rand(7, 3, side, side, generator=torch.Generator().manual_seed(0))
    patches = BoundaryPatches.from_stack(light_of(images), FocusMap.of_depth(depth, 7))
    assert 1 < len(patches.corners) <= MAX_PATCHES
    assert patches.distance_steps.tolist() == [4.0] * len(patches.corners)
    for number, (y, x) in enumerate(patches.corners):
        where = slice(y, y + PATCH_PX), slice(x, x + PATCH_PX)
        assert torch.equal(patches.near[number], images[1][:, *where])
        assert torch.equal(patches.far[number], images[5][:, *where])
        alpha = patches.alpha[number, 0, 0]
        assert (alpha[: 199 - x] == 1).all()
        assert not alpha[202 - x :].any()


def test_patches_lie_where_depth_is_sure(light_of):
    depth = torch.full((1, 256, 1024), 6.0)
    depth[:, :, :128] = 2.0
    depth[:, :, 640:] = 1.0  # a greater step, but a guess
    sure = torch.ones_like(depth)
    sure[:, :, 512:] = 0.05
    images = torch.rand(7, 3, 256, 1024, generator=torch.Generator().manual_seed(0))
    patches = BoundaryPatches.from_stack(light_of(images), FocusMap.of_depth(depth, 7, sure))
    assert patches.corners[0][1] < 128
    guessed = BoundaryPatches.from_stack(light_of(images), FocusMap.of_depth(depth, 7))
    assert guessed.corners[0][1] > 512


def test_each_window_has_its_own_steps(light_of):
    side = 500
    depth = torch.full((1, side, side), 5.0)
    depth[:, :100, :100] = 1
    depth[:, 350:, 350:] = 3
    images = torch.rand(5, 1, side, side, generator=torch.Generator().manual_seed(0))
    patches = BoundaryPatches.from_stack(light_of(images), FocusMap.of_depth(depth, 5))
    found = dict(zip(patches.corners, patches.distance_steps.tolist(), strict=True))
    assert {steps for (y, _), steps in found.items() if y < 150} == {4.0}
    assert {steps for (y, _), steps in found.items() if y > 200} == {2.0}


def test_windows_with_a_third_surface_weigh_less(light_of):
    side = 256
    depth = torch.full((1, side, side), 6.0)
    depth[:, :, :100] = 1.0
    depth[:, 200:, :] = 3.0  # stands before the far one as well
    images = torch.rand(7, 1, side, side, generator=torch.Generator().manual_seed(0))
    patches = BoundaryPatches.from_stack(light_of(images), FocusMap.of_depth(depth, 7))
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    far_off = (columns > 100) & (rows < 188)  # 12 px and more from the third surface
    seen = 0
    for (y, x), steps, clear in zip(
        patches.corners, patches.distance_steps, patches.weights, strict=True
    ):
        if steps == 5:
            where = slice(y, y + PATCH_PX), slice(x, x + PATCH_PX)
            assert (clear[0][far_off[where]] == 1).all()
            unclear = (depth[0] < 6)[where] | ((rows > 195) & (columns > 100))[where]
            assert (clear[0][unclear] == MIXED_WEIGHT).all()
            seen += int(far_off[where].any() and (rows[where] > 195).any())
    assert seen


@pytest.mark.parametrize(
    "depth",
    [
        torch.full((1, 64, 64), 2.0),
        torch.linspace(1, 5, 64).repeat(1, 64, 1),
        torch.linspace(2.6, 3.4, 64).repeat(1, 64, 1),
    ],
    ids=["flat", "tilted", "within one plane"],
)
def test_where_nothing_stands_before_anything_there_is_no_window(depth, light_of):
    images = torch.rand(5, 1, 64, 64)
    with pytest.raises(NoOcclusionBoundary, match="no light to eliminate"):
        BoundaryPatches.from_stack(light_of(images), FocusMap.of_depth(depth, 5))
