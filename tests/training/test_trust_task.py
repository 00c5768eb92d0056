from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_focusstack.networks.teb import Rivals
from napari_focusstack.training.trust_task import (
    TrustExample,
    batch_of,
    draw_crop,
    load_example,
    save_example,
    trust_loss,
)

SIDE = 48


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    truth = torch.rand(1, 3, SIDE, SIDE, generator=generator)
    region = torch.zeros(1, 1, SIDE, SIDE)
    region[..., 8:40] = 1
    wrong = (truth + 0.2 * region).clamp(0, 2)
    evidence = torch.rand(1, 5, SIDE, SIDE, generator=generator)
    far, confidence, error = torch.rand(3, 1, 1, SIDE, SIDE, generator=generator)
    maps = wrong, truth, far, evidence, confidence, -8 * error, region
    rivals = Rivals(*maps, torch.tensor([0.01]), torch.tensor([[0.01, 0.02]]))
    return TrustExample(rivals, truth)


def test_the_better_rival_costs_nothing_and_the_worse_much(example):
    region = example.rivals.region
    right, half, wrong = (float(trust_loss(w * region, example)) for w in (1.0, 0.5, 0.0))
    assert right == pytest.approx(0, abs=0.05)
    assert right + 1 < half < wrong


def test_being_worse_than_source_pixels_costs_more_than_missing_a_gain(example):
    rivals, region = example.rivals, example.rivals.region
    swapped = replace(rivals, selected=rivals.unmixed, unmixed=rivals.selected)
    harmed = trust_loss(region, TrustExample(swapped, example.truth))
    missed = trust_loss(0 * region, example)
    assert harmed > 2 * missed


def test_an_example_is_read_as_it_was_written(example, tmp_path):
    save_example(example, tmp_path / "one.npz")
    again = load_example(tmp_path / "one.npz")
    for name, value in vars(example.rivals).items():
        if name != "evidence":
            assert torch.allclose(getattr(again.rivals, name), value, atol=2e-3), name
    inside = example.rivals.region.bool()
    off = (again.rivals.evidence - example.rivals.evidence).abs()
    assert off.where(inside, torch.tensor(0.0)).max() < 1e-3
    assert torch.allclose(again.truth, example.truth, atol=2e-3)


def test_crops_show_the_region_and_make_a_batch(example):
    chance = np.random.default_rng(0)
    batch = batch_of([draw_crop(example, 24, chance) for _ in range(6)])
    assert batch.truth.shape == (6, 3, 24, 24)
    assert batch.rivals.residuals.shape == (6, 2)
    assert (batch.rivals.region.mean((1, 2, 3)) > 0.02).all()
