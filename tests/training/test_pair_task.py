"""What FSB and KEB are trained for: batches of pairs, fixed validation, and scores."""

from types import SimpleNamespace

import pytest
import torch

from napari_focusstack.training.config import TrainParameters
from napari_focusstack.training.pair_task import BlurTask, ForegroundTask


@pytest.fixture(scope="module")
def material(bundled_pictures):
    return bundled_pictures


def task_of(kind, material, **recipe):
    return kind(TrainParameters(batch=4, **recipe), material, material, (64, 128))


def test_a_batch_has_about_as_many_pixels_whatever_its_side(material):
    task = task_of(ForegroundTask, material)
    shapes = [
        tuple(batch.near.shape)
        for step in range(3)
        for batch in task.draw(step, torch.Generator().manual_seed(step))
    ]
    assert shapes == [(4, 3, 64, 64), (1, 3, 128, 128), (4, 3, 64, 64)]


def test_validation_renders_whole_batches_that_are_always_the_same(material):
    first, other_seed = (
        list(task_of(BlurTask, material, validation_pairs=9, seed=seed).validation())
        for seed in (0, 5)
    )
    assert [len(batch.near) for batch in first] == [8, 8]
    for one, other in zip(first, other_seed, strict=True):
        assert torch.equal(one.near, other.near)
        assert torch.equal(one.sigma_px, other.sigma_px)


def test_fsb_is_scored_by_overlap_and_by_its_error_along_the_edge(material):
    task = task_of(ForegroundTask, material)
    truth = torch.zeros(2, 1, 16, 32)
    truth[..., :16] = 1
    shifted = torch.zeros(1, 1, 16, 32)
    shifted[..., :8] = 1
    # of the second, 8 of 16 foreground columns are found, and 16 of 24 columns of either background
    scores = task.scores([truth[:1], shifted], [truth])
    assert scores["mean_iou"] == pytest.approx((1 + (8 / 16 + 16 / 24) / 2) / 2)
    assert scores["alpha_error"] == pytest.approx(8 / 64)
    assert task.scores([(truth - 0.25).abs()], [truth])["edge_error"] == pytest.approx(0.25)
    far_off = truth.clone()
    far_off[..., [0, 31]] = 1 - far_off[..., [0, 31]]
    assert task.scores([far_off], [truth])["edge_error"] == 0


def test_keb_is_scored_by_the_median_of_its_relative_error(material):
    found, truth = torch.tensor([3.3, 1.6, 4.0]), torch.tensor([3.0, 2.0, 4.0])
    scores = task_of(BlurTask, material, network="keb").scores([found[:2], found[2:]], [truth])
    assert scores["sigma_error"] == pytest.approx(0.1, abs=1e-6)
    assert scores["sigma_bias"] == pytest.approx(0.0, abs=1e-6)


def test_the_loss_of_keb_is_in_pixels(material):
    batch = SimpleNamespace(sigma_px=torch.tensor([2.0, 2.0]))
    task = task_of(BlurTask, material, network="keb")
    assert float(task.loss(torch.tensor([3.0, 5.0]), batch)) == pytest.approx(2.0)
    assert torch.equal(task.truth(batch), batch.sigma_px)


def test_the_answer_of_fsb_is_alpha_before_the_sigmoid(material):
    task = task_of(ForegroundTask, material)
    found = task.estimate(torch.tensor([0.0, 2.0]))
    assert found.tolist() == pytest.approx([0.5, 0.880797], abs=1e-6)
