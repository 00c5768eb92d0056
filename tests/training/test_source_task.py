"""The task of SEB: examples with exact errors, and a loss that is least at the truth."""

import numpy as np
import pytest
import torch

from napari_focusstack.simulation.thin_lens.pool import PooledScene, save
from napari_focusstack.simulation.thin_lens.sensor import Defects
from napari_focusstack.training.source_task import (
    NO_ERROR,
    SourceTask,
    draw_planes,
    read_example,
    source_loss,
)


@pytest.fixture
def pool(tmp_path):
    generator = np.random.default_rng(0)
    for number in range(2):
        truth = generator.integers(0, 65536, (144, 144, 3), dtype=np.uint16)
        planes = np.stack([truth, truth // 2, np.full_like(truth, 30000)])
        scene = PooledScene(
            planes, truth, np.zeros((144, 144), np.float16), np.array([1, 0, -1], np.float32)
        )
        save(scene, tmp_path / f"{number}.npz")
    return tmp_path


def test_the_plane_that_is_the_truth_has_no_error(pool):
    example = read_example(pool / "0.npz", np.random.default_rng(0), Defects(), np.arange(3))
    assert example.planes.shape == (1, 3, 3, 128, 128)
    assert example.errors[0, 0].max() < 1e-8
    assert example.errors[0, 1:].min() > 1e-4


def test_noise_is_an_expected_error(pool):
    defects = Defects(read_noise=0.02)
    example = read_example(pool / "0.npz", np.random.default_rng(0), defects, np.arange(3))
    assert example.errors[0, 2].std() > 0
    still = read_example(pool / "0.npz", np.random.default_rng(0), Defects(), np.arange(3))
    added = (example.errors - still.errors)[0, 2]  # a flat grey plane: nothing is clipped
    assert added.mean().item() == pytest.approx(4e-4, rel=0.05)
    assert added.std() < 0.25 * added.mean()


def test_the_loss_is_least_at_the_truth():
    errors = torch.rand(1, 4, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.01
    true = torch.log(errors + NO_ERROR)
    right = source_loss(true, errors)
    assert right < source_loss(true + 0.5, errors)
    assert right < source_loss(true.flip(1), errors)


@pytest.mark.parametrize("count", [2, 3, 9, 33])
def test_drawn_planes_are_in_order(count):
    generator = np.random.default_rng(1)
    for _ in range(40):
        steps = np.diff(draw_planes(count, generator))
        assert (steps > 0).all() or (steps < 0).all()


def test_same_chance_same_examples(pool):
    task = SourceTask(pool, pool, batch=2)
    one, other = (task.draw(0, torch.Generator().manual_seed(3)) for _ in range(2))
    for first, second in zip(one, other, strict=True):
        assert torch.equal(first.planes, second.planes)
