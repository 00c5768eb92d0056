"""A fused image is judged by how well it explains the planes, without truth."""

from dataclasses import replace

import pytest
import torch

from napari_focusstack.evaluation.reimaging import unexplained
from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.image_formation import (
    composite_defocused,
    far_focus,
    near_focus,
    over,
    premultiply,
)
from napari_focusstack.imaging.psf import Psf

SIGMA_PX = 3.0
MOVING = Breathing(1.03, (1.0, -2.0))


def breathe(scene, psf):
    """The far plane of a scene whose foreground the lens moves and blurs."""
    corner = tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])
    layer = premultiply(scene.foreground, scene.alpha)[None]
    return over(psf.scatter_blur(layer, [corner]), scene.background[None])[0]


def plain(scene, shape):
    """The scene before a background of one colour, which hides nothing that cannot be guessed."""
    f, alpha = scene.foreground, scene.alpha
    b = torch.tensor([0.1, 0.4, 0.25])[:, None, None].expand_as(f)
    return replace(
        scene,
        background=b,
        near=near_focus(f, alpha, b, SIGMA_PX, shape),
        far=far_focus(f, alpha, b, SIGMA_PX, shape),
        truth=composite_defocused(f, alpha, b, 0.0),
    )


def initial(near, far, alpha):
    return torch.where(alpha > 0.5, near, far)


SHAPES = pytest.mark.parametrize("shape", ["gaussian", "disk"])


@SHAPES
@pytest.mark.parametrize("softness", [0.01, 1.0, 3.0])
def test_before_a_background_easily_guessed_the_truth_explains_almost_all(
    make_scene, shape, softness
):
    scene = plain(make_scene(SIGMA_PX, softness=softness), shape)
    planes = scene.near, scene.far, scene.alpha, Psf(SIGMA_PX, SIGMA_PX, shape)
    assert unexplained(scene.truth, *planes) < 0.004
    assert unexplained(initial(scene.near, scene.far, scene.alpha), *planes) > 0.04


@SHAPES
def test_the_truth_explains_the_planes_far_better_than_the_initial_fusion(make_scene, shape):
    scene = make_scene(SIGMA_PX, shape=shape)
    planes = scene.near, scene.far, scene.alpha, Psf(SIGMA_PX, SIGMA_PX, shape)
    truth = unexplained(scene.truth, *planes)
    assert truth < 0.022
    assert unexplained(initial(*planes[:3]), *planes) > 3 * truth
    assert unexplained(scene.near, *planes) > 2.5 * truth
    assert unexplained(scene.far, *planes) > 4 * truth


def test_more_of_the_halo_left_is_more_unexplained(make_scene):
    scene = make_scene(SIGMA_PX)
    planes = scene.near, scene.far, scene.alpha, Psf(SIGMA_PX, SIGMA_PX)
    veiled = initial(*planes[:3])
    left = [unexplained(torch.lerp(scene.truth, veiled, t), *planes) for t in (0, 0.25, 0.5, 1)]
    assert left == sorted(left)
    assert left[3] > 2 * left[1]


@pytest.mark.parametrize("wrong", [(1.8, 1.8), (4.5, 4.5), (4.5, 3.0), (3.0, 4.5)])
def test_a_wrong_blur_leaves_more_unexplained(make_scene, wrong):
    scene = make_scene(SIGMA_PX)
    planes = scene.truth, scene.near, scene.far, scene.alpha
    assert unexplained(*planes, Psf(*wrong)) > 1.3 * unexplained(*planes, Psf(SIGMA_PX, SIGMA_PX))


def test_the_background_has_a_blur_of_its_own(make_scene):
    scene = make_scene(SIGMA_PX, sigma_background_px=2.0)
    planes = scene.truth, scene.near, scene.far, scene.alpha
    own, same = unexplained(*planes, Psf(3.0, 2.0)), unexplained(*planes, Psf(3.0))
    assert same > 1.4 * own


@pytest.mark.parametrize(
    "breathing",
    [MOVING, Breathing(1.05), Breathing(shift_px=(-2.0, 1.0))],
    ids=["both", "magnified", "shifted"],
)
def test_a_foreground_that_moves_is_explained_by_breathing_alone(make_scene, breathing):
    scene = plain(make_scene(SIGMA_PX), "gaussian")
    moving = Psf(SIGMA_PX, SIGMA_PX, breathing=breathing)
    planes = scene.truth, scene.near, breathe(scene, moving), scene.alpha
    assert unexplained(*planes, moving) < 0.003
    assert unexplained(*planes, Psf(SIGMA_PX, SIGMA_PX)) > 0.03


def test_a_moving_foreground_before_detail_is_explained_as_well_as_a_still_one(make_scene):
    scene = make_scene(SIGMA_PX)
    still, moving = Psf(SIGMA_PX, SIGMA_PX), Psf(SIGMA_PX, SIGMA_PX, breathing=MOVING)
    far = breathe(scene, moving)
    explained = unexplained(scene.truth, scene.near, far, scene.alpha, moving)
    expected = unexplained(scene.truth, scene.near, scene.far, scene.alpha, still)
    assert explained == pytest.approx(expected, rel=0.25)
    assert unexplained(scene.truth, scene.near, far, scene.alpha, still) > 3 * explained


def test_far_from_the_boundary_nothing_counts(make_scene):
    scene = make_scene(SIGMA_PX)
    planes = scene.near, scene.far, scene.alpha, Psf(SIGMA_PX, SIGMA_PX)
    spoilt = scene.truth.clone()
    spoilt[:, :4, :4] = 1 - spoilt[:, :4, :4]
    before = unexplained(scene.truth, *planes)
    assert unexplained(spoilt, *planes) == pytest.approx(before, abs=1e-6)


def test_grey_light_is_judged_too(make_scene):
    scene = plain(make_scene(SIGMA_PX), "gaussian")
    truth, near, far = (light[:1] for light in (scene.truth, scene.near, scene.far))
    assert unexplained(truth, near, far, scene.alpha, Psf(SIGMA_PX, SIGMA_PX)) < 0.003
    assert unexplained(far, near, far, scene.alpha, Psf(SIGMA_PX, SIGMA_PX)) > 0.08
