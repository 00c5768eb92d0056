"""KEB: two planes and a mask in, one sigma out."""

import torch

from napari_focusstack.networks.blocks import MSRB
from napari_focusstack.networks.keb import KEB


def batch(count, side, seed=0):
    return torch.rand(count, 7, side, side, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_network_of_the_paper():
    network = KEB()
    assert sum(isinstance(module, MSRB) for module in network.modules()) == 2
    assert sum(isinstance(module, torch.nn.Linear) for module in network.modules()) == 3
    assert isinstance(network.attention, torch.nn.Conv2d)
    assert network.stride == 8


def test_each_pair_gets_one_sigma_above_0():
    torch.manual_seed(0)
    network = KEB(width=8)
    with torch.no_grad():
        network.answer[4].weight.mul_(100)  # the wildest answers are still above 0
        sigma_px = network(batch(16, 64))
    assert sigma_px.shape == (16,)
    assert sigma_px.dtype == torch.float32
    assert (sigma_px > 0).all()
    assert sigma_px.std() > 0


def test_a_fresh_network_starts_near_two_pixels():
    torch.manual_seed(0)
    with torch.no_grad():
        sigma_px = KEB(width=8)(batch(4, 64))
    assert ((sigma_px > 1) & (sigma_px < 4)).all()


def test_the_mask_counts():
    torch.manual_seed(0)
    network = KEB(width=8)
    pairs = batch(1, 64)
    changed = pairs.clone()
    changed[:, 6] = 1 - changed[:, 6]
    with torch.no_grad():
        assert not torch.allclose(network(pairs), network(changed))


def test_pairs_of_a_batch_do_not_see_each_other():
    torch.manual_seed(0)
    network = KEB(width=8)
    pairs = batch(3, 64)
    with torch.no_grad():
        together = network(pairs)
        alone = torch.cat([network(pair[None]) for pair in pairs])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_any_multiple_of_the_stride_will_do():
    network = KEB(width=8, down=(2, 4))
    assert network.stride == 4
    assert network(torch.rand(1, 7, 20, 36)).shape == (1,)
