"""SEB: any number of planes, any noise, no tile."""

import pytest
import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.networks.seb import SEB
from napari_focusstack.networks.source_cues import FINE_CUES, SourceCues


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


def test_the_sharp_plane_leads_every_focus_measure():
    sharp = picture(1)
    stack = torch.cat([smooth(sharp, 2.0), sharp, smooth(sharp, 4.0)], 1)
    cues = SourceCues(stack.unbind(1), torch.tensor([0.005]))
    fine = torch.cat([cues.fine(number) for number in range(3)])
    for cue in range(3):
        assert (fine[:, cue].argmax(0) == 1).float().mean() > 0.97


def test_drawing_is_the_convolution_of_four_pixels_as_channels():
    network, fine = SEB(), torch.rand(2, FINE_CUES, 12, 20)
    expected = network.stem_fine(torch.nn.functional.pixel_unshuffle(fine, 2))
    assert torch.allclose(network.draw(fine), expected, atol=1e-5)
