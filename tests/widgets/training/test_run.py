"""A training as a thread runs it, here without one."""

import imagecodecs
import numpy as np
import pytest
import torch

from napari_focusstack.training import trainer
from napari_focusstack.training.config import TrainParameters
from napari_focusstack.training.trainer import Training
from napari_focusstack.widgets.training.run import TrainingRun, pictures


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(trainer, "CROP_SIDES_PX", (64,))
    monkeypatch.setattr(trainer, "autocast", lambda device: torch.autocast("cpu", enabled=False))
    monkeypatch.setattr(Training, "validate", lambda self: {"mean_iou": 0.5})
    monkeypatch.setattr(Training, "score", lambda self, network: {"mean_iou": 0.4})


@pytest.fixture
def run(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8)
    parameters = TrainParameters(width=8, steps=3, batch=1, validate_every=2)
    output = tmp_path / "new" / "mine.safetensors"
    return TrainingRun(parameters, [(picture, True)], output, start=None, device="cpu")


def test_a_run_tells_each_step_and_ends_with_its_weights(run):
    run.check()
    steps = list(run.steps())
    assert [(step.done, step.total) for step in steps] == [(n, 3) for n in (0, 1, 2, 3, 3, 3, 3)]
    assert [step.loss is not None for step in steps] == [False, True, True, True] + 3 * [False]
    assert [bool(step.scores) for step in steps] == [False, False, True, True] + 3 * [False]
    assert [step.saved for step in steps] == [False] * 4 + [True, False, False]
    made = steps[-1].comparison
    assert (made.outcome, made.trained, made.shipped, made.held_back) == ("better", 0.5, 0.4, 0)
    left = [step.seconds_left for step in steps[:4]]
    assert left[0] is None
    assert left[1] > left[2] / 2 > left[3] == 0
    assert sorted(path.name for path in run.output.parent.iterdir()) == [
        "mine.ckpt",
        "mine.safetensors",
    ]


def test_a_run_that_is_left_before_its_first_step_writes_nothing(run, tmp_path):
    steps = run.steps()
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_stopped_or_left_writes_its_checkpoint(run):
    steps = run.steps()
    assert [next(steps).done for _ in range(2)] == [0, 1]
    run.stop()
    assert list(steps) == []
    assert torch.load(run.checkpoint, weights_only=True)["step"] == 1

    run = TrainingRun(run.parameters, run.source, run.output, None, "cpu", resume=True)
    run.check()
    steps = run.steps()
    assert [next(steps).done for _ in range(2)] == [1, 2]
    steps.close()
    assert torch.load(run.checkpoint, weights_only=True)["step"] == 2
    assert not run.output.exists()


def test_a_run_that_goes_on_tells_the_losses_before_it(run):
    steps = run.steps()
    assert next(steps).history == {}
    losses = {step.done: step.loss for step in (next(steps), next(steps))}
    steps.close()
    again = TrainingRun(run.parameters, run.source, run.output, None, "cpu", resume=True)
    first, second, *_ = again.steps()
    assert first.history == losses
    assert [*losses] == [1, 2]
    assert (second.done, second.history) == (3, {})


def test_files_and_folders_of_pictures_are_sources(run, tmp_path):
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.png")
        imagecodecs.imwrite(paths[-1], run.source[0][0])
    for source in (paths, tmp_path):
        run.source = source
        material = run._material(torch.device("cpu"))
        assert material.photos.shape == (3, 3, 348, 348)


def test_a_paused_run_goes_on_telling_that_it_is(run):
    steps = run.steps()
    next(steps)
    run.pause(True)
    assert run.paused
    assert {(step.step, step.done) for step, _ in zip(steps, range(3), strict=False)} == {
        ("paused", 0)
    }
    run.pause(False)
    assert next(steps).done == 1


def test_planes_of_any_array_are_pictures():
    grey = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    np.testing.assert_array_equal(np.stack(list(pictures(grey, False))), grey.reshape(6, 4, 5))
    rgba = grey[..., :4]
    np.testing.assert_array_equal(next(pictures(rgba, True)), rgba[0, ..., :3])
    np.testing.assert_array_equal(next(pictures(grey[0, 0], False)), grey[0, 0])
