from dataclasses import replace

import pytest
import torch

from napari_focusstack.networks.teb import CUES, NO_EVIDENCE, TEB, Rivals, trust_cues

SIDE = 96


def rivals(seed=0, size=SIDE):
    generator = torch.Generator().manual_seed(seed)
    selected = torch.rand(1, 3, size, size, generator=generator)
    unmixed = (selected + 0.2 * torch.rand(1, 3, size, size, generator=generator)).clamp(0, 1)
    return Rivals(
        selected,
        unmixed,
        torch.rand(1, 1, size, size, generator=generator),
        torch.rand(1, 5, size, size, generator=generator),
        torch.rand(1, 1, size, size, generator=generator),
        -8 * torch.rand(1, 1, size, size, generator=generator),
        torch.ones(1, 1, size, size),
        torch.tensor([0.01]),
        torch.tensor([[0.01, 0.02]]),
    )


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return TEB(width=8).eval()


@torch.no_grad()
def test_weights_lie_between_0_and_1_and_are_0_outside_the_region(network):
    example = rivals()
    example.region[..., 40:] = 0
    weight = network(example)
    assert weight.shape == (1, 1, SIDE, SIDE)
    assert 0 < weight[..., :40].min() <= weight.max() < 1
    assert not weight[..., 40:].any()


@torch.no_grad()
@pytest.mark.parametrize(
    "name", ["selected", "unmixed", "far", "evidence", "confidence", "log_error"]
)
def test_a_pixel_changes_nothing_beyond_the_reach(network, name):
    example = rivals(size=160)
    changed = getattr(example, name).clone()
    changed[..., 80, 80] = 1 - changed[..., 80, 80]
    difference = network(example) != network(replace(example, **{name: changed}))
    touched = difference[0, 0].nonzero()
    assert len(touched) > 0
    assert int((touched - 80).abs().max()) <= TEB.reach


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_cues_of_blank_pictures_are_finite(value):
    picture = torch.full((1, 3, 16, 16), value)
    evidence = torch.tensor(NO_EVIDENCE)[None, :, None, None].expand(1, 5, 16, 16)
    residuals = torch.zeros(1, 2)
    grey, noise = picture[:, :1], torch.tensor([0.001])
    nothing = torch.full_like(grey, -torch.inf)  # the error of planes that are alike
    blank = Rivals(picture, picture, grey, evidence, grey, nothing, grey, noise, residuals)
    cues = trust_cues(blank)
    assert cues.shape == (1, CUES, 16, 16)
    assert cues.isfinite().all()


def test_grey_pictures_give_the_cues_of_three_equal_channels():
    grey = rivals()
    selected, unmixed = grey.selected[:, :1], grey.unmixed[:, :1]
    one = replace(grey, selected=selected, unmixed=unmixed)
    three = replace(
        grey, selected=selected.expand(1, 3, -1, -1), unmixed=unmixed.expand(1, 3, -1, -1)
    )
    assert torch.allclose(trust_cues(one), trust_cues(three), atol=1e-5)
