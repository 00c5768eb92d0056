"""MEB is trained with the edges that DEB finds, and the truth of them."""

import pytest
import torch

from napari_focusstack.networks.meb import FEATURES, MEB
from napari_focusstack.simulation.augmentation import StackExample
from napari_focusstack.training import matte_task
from napari_focusstack.training.config import TrainParameters
from napari_focusstack.training.matte_task import Edges, MatteTask, edges_of

pytestmark = pytest.mark.usefixtures("small_scenes")


@pytest.fixture(scope="module")
def task(bundled_pictures):
    parameters = TrainParameters(network="meb", batch=2, validation_pairs=12)
    material = bundled_pictures
    return MatteTask(parameters, material, material)


def edges(signed_distance_px, alpha, contrast):
    """Edges of two rows of pixels."""
    features = torch.zeros(1, FEATURES, *signed_distance_px.shape)
    features[0, -5] = signed_distance_px / 3
    return Edges(features, alpha[None, None], contrast[None, None])


def test_stacks_are_drawn_whole_and_never_as_pairs(task, monkeypatch):
    planes = []
    found = matte_task.edges_of

    def remembering(example, deb):
        planes.append(len(example.planes))
        return found(example, deb)

    monkeypatch.setattr(matte_task, "edges_of", remembering)
    generator = torch.Generator().manual_seed(0)
    drawn = [batch for step in range(6) for batch in task.draw(step, generator)]
    assert len(drawn) == 6 * 8  # of a quarter of the pixels
    assert min(planes) >= 3
    assert all(batch.features.shape == (1, FEATURES, 64, 64) for batch in drawn)


def test_the_truth_is_how_much_of_a_pixel_lies_before_the_middle(task, make_focal_stack):
    scene = make_focal_stack(5, 1.5, side=128)
    front = torch.from_numpy(scene.labels - 1.0).float()
    example = StackExample(
        torch.stack(scene.images).clamp(0, 1), torch.stack([torch.ones_like(front), front, front])
    )
    found = edges_of(example, task.deb)
    near = found.signed_distance_px != 0
    assert 0.1 < float(near.float().mean()) < 0.9
    # DEB finds most of the sides itself
    side = (found.signed_distance_px > 0).float()
    assert float((side != found.alpha)[near].float().mean()) < 0.2
    assert set(found.alpha.unique().tolist()) == {0, 1}
    assert float(found.contrast[near].mean()) > 2 * float(found.contrast[~near].mean())
    assert not found.contrast[~near].any()


def test_a_pixel_that_is_shared_is_so_in_truth(task, make_focal_stack):
    planes = torch.stack(make_focal_stack(5, 1.5, side=128).images).clamp(0, 1)
    labels = torch.from_numpy(make_focal_stack(5, 1.5, side=128).labels - 1.0).float()
    half = torch.full_like(labels, 0.5)
    example = StackExample(planes, torch.stack([half, 0 * half, 8 * half]))
    found = edges_of(example, task.deb)
    near = found.signed_distance_px != 0
    assert labels.any()
    assert (found.alpha[near] == 0.5).float().mean() > 0.9


def test_validation_edges_are_always_the_same(task):
    first, second = (list(task.validation()) for _ in range(2))
    assert len(first) == 2  # of 12 pairs, of which 8 are a stack
    assert all(one is again for one, again in zip(first, second, strict=True))


def test_scores_count_pixels_near_steps_alone(task):
    signed_distance_px = torch.tensor([[0.5, 0.5, -0.5, 0.0]])
    alpha = torch.tensor([[1.0, 0.0, 0.25, 1.0]])
    batch = edges(signed_distance_px, alpha, torch.tensor([[0.5, 1.0, 1.0, 1.0]]))
    answer = torch.tensor([[[[0.8, 0.9, 0.25, 0.0]]]])
    scores = task.scores([answer], [task.truth(batch)])
    assert scores["wrong"] == pytest.approx(1 / 3)
    assert scores["alpha_error"] == pytest.approx((0.2 + 0.9) / 3)
    assert scores["light_error"] == pytest.approx(((0.1**2 + 0.9**2) / 3) ** 0.5)


def test_the_loss_falls_towards_the_truth(task):
    batch = next(task.validation())
    torch.manual_seed(0)
    logits = task.answer(MEB(width=4, down=(2,)), batch).detach()
    right = 10 * (2 * batch.alpha - 1)
    losses = [float(task.loss(one, batch)) for one in (-right, logits, right)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.1
    assert torch.equal(task.estimate(right) > 0.5, batch.alpha > 0.5)
