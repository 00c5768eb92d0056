"""SEB: any number of planes, any noise, no tile."""

import pytest
import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.networks.seb import SEB


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = SEB(width=8, levels=1).eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.normal_(layer.weight, std=0.1)
    return network


def picture(planes=3, side=64):
    return smooth(
        torch.rand(1, planes, 3, side, side, generator=torch.Generator().manual_seed(1)), 1.0
    )


@pytest.mark.parametrize("planes", [1, 2, 7])
def test_any_number_of_planes(network, planes):
    with torch.no_grad():
        answer = network(picture(planes))
    assert answer.shape == (1, planes, 64, 64)
    assert answer.isfinite().all()


@torch.no_grad()
def test_a_flat_stack_has_a_finite_answer(network):
    assert network(torch.full((1, 4, 3, 32, 32), 0.5)).isfinite().all()


@torch.no_grad()
def test_an_answer_does_not_look_beyond_its_reach(network):
    stack = picture(3, 384)
    changed = stack.clone()
    changed[..., -8:] = 0
    noise = torch.tensor([0.01])
    untouched = 384 - 8 - network.reach
    one, other = network(stack, noise), network(changed, noise)
    assert untouched > 32
    assert torch.allclose(one[..., :untouched], other[..., :untouched], atol=1e-5)


@torch.no_grad()
def test_a_tile_answers_as_the_whole(network):
    stack = picture(3, 384)
    noise = torch.tensor([0.01])
    whole = network(stack, noise)
    start = 64 - 64 % network.stride
    tile = network(stack[..., start:], noise)
    reach = network.reach
    assert torch.allclose(whole[..., start + reach :], tile[..., reach:], atol=1e-4)
