"""The multi-scale residual block and convolutions of the networks."""

import pytest
import torch

from napari_focusstack.networks.blocks import MSRB, conv, receptive_radius_of_blocks


def planes(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_block_adds_to_its_input():
    block = MSRB(4, 2)
    for layer in (block.plain[2], block.after):
        torch.nn.init.zeros_(layer.weight)
    features = planes(1, 4, 8, 8)
    assert torch.equal(block(features), features)


def test_a_convolution_with_relu_keeps_the_mean_square_of_its_input():
    torch.manual_seed(0)
    signal = torch.randn(1, 64, 32, 32)
    with torch.no_grad():
        answer = torch.relu(conv(64, 64)(signal))[..., 1:-1, 1:-1]
    assert float(answer.square().mean()) == pytest.approx(1, rel=0.1)


def test_blocks_one_after_another_look_as_far_as_their_sum():
    """Each looks 2 px and 2.5 cells of its coarse scale far: 7 px and 12 px here."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(MSRB(4, 2), MSRB(4, 4))
    assert receptive_radius_of_blocks(network) == 19
    features = planes(1, 4, 64, 64)
    changed = features.clone()
    changed[..., 32, 32] += 10
    with torch.no_grad():
        touched = (network(changed) != network(features)).any(1)[0].nonzero() - 32
    assert 8 < int(touched.abs().max()) <= 19
