"""DEB is trained with stacks and pairs; what is found is compared fairly."""

import pytest
import torch

from napari_focusstack.networks.deb import DEB
from napari_focusstack.simulation.augmentation import StackExample
from napari_focusstack.training.config import TrainParameters
from napari_focusstack.training.depth_task import DepthTask

#: The foreground of a pair.
NEAR = torch.arange(8).expand(8, 8) < 4


pytestmark = pytest.mark.usefixtures("small_scenes")


@pytest.fixture(scope="module")
def material(bundled_pictures):
    return bundled_pictures


@pytest.fixture
def task(material):
    parameters = TrainParameters(network="deb", batch=2, validation_pairs=12)
    return DepthTask(parameters, material, material)


def test_stacks_of_a_pool_and_pairs_are_drawn(task):
    generator = torch.Generator().manual_seed(0)
    drawn = task.draw(0, generator) + task.draw(1, generator)
    assert len(drawn) == 16  # of a quarter of the pixels
    assert {len(example.planes) for example in drawn} >= {2, 4}
    assert task.pool.scenes


def test_validation_scenes_are_of_held_back_pictures_and_always_the_same(material, task):
    scenes = list(task.validation())
    # 12 pairs, of which 8 are a stack, and four true pairs beside each
    assert [len(scene.planes) for scene in scenes] == [4, 2, 2, 2, 2] * 2
    for scene, again in zip(scenes, task.validation(), strict=True):
        assert scene is again  # rendered once
    anew = DepthTask(TrainParameters(network="deb", seed=9, validation_pairs=1), material, material)
    first, *_ = anew.validation()
    assert torch.equal(first.planes, scenes[0].planes)
    white = material.photos[:1] * 0 + 255
    bright = DepthTask(
        task.parameters, material, type(material)(white, *without_pictures(material))
    )
    assert not torch.equal(next(bright.validation()).planes, first.planes)


def without_pictures(material):
    return material.shapes[:0], material.cutouts[:0]


def test_the_network_answers_for_each_plane(task):
    scene = next(task.validation())
    with torch.no_grad():
        logits = task.answer(DEB(width=8, levels=2), scene)
    assert logits.shape == (4, 64, 64)
    assert torch.equal(task.estimate(logits), logits.argmax(0))
    assert float(task.loss(logits, scene)) > 0


def test_scores_count_pixels_by_how_far_off_their_plane_is(task):
    depth = torch.full((40, 40), 2.2)
    depth[:, 20:] = 7.0
    found = depth.round().long()
    found[:4] += 1  # a tenth is off by one, beside the step as elsewhere
    found[4:12, :10] += 3  # a twentieth by three, far from it
    scores = task.scores([found, ~NEAR], [depth, NEAR])
    assert scores["exact"] == pytest.approx(0.85)
    assert scores["within_one"] == pytest.approx(0.95)
    assert scores["edge_within_one"] == 1
    found[:, 18:22] = 0  # within 2 px of the step
    assert task.scores([found, NEAR], [depth, NEAR])["edge_within_one"] == 0


def test_scenes_count_alike_and_those_without_steps_not_at_their_edges(task):
    level = torch.ones(8, 8)
    stepped = torch.ones(8, 8)
    stepped[:, 4:] = 5
    right, wrong = level.long(), torch.full((8, 8), 9)
    scores = task.scores([right, wrong, NEAR], [level, stepped, NEAR])
    assert scores == {"edge_within_one": 0.0, "within_one": 0.5, "exact": 0.5, "mean_iou": 1.0}


def test_pairs_are_scored_by_their_masks(task):
    scene = next(each for each in task.validation() if len(each.planes) == 2)
    truth = task.truth(scene)
    assert truth.dtype == torch.bool
    logits = torch.stack([truth.float(), 0.5 * torch.ones(truth.shape)])
    assert torch.equal(task.estimate(logits), truth)
    half = torch.ones_like(NEAR)  # IoU of the foreground 1/2, of the rest 0
    depth = torch.zeros(8, 8)
    assert task.scores([half, depth.long()], [NEAR, depth])["mean_iou"] == 0.25


def test_half_the_truth_between_planes_is_in_each(task):
    example = StackExample(
        torch.zeros(3, 3, 8, 8), torch.stack([torch.ones(8, 8), *[torch.full((8, 8), 0.5)] * 2])
    )
    sure = torch.full((3, 8, 8), -50.0)
    sure[:2] = 0
    assert float(task.loss(sure, example)) == pytest.approx(0.6931, abs=1e-3)
