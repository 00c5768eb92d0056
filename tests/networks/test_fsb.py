"""FSB: what the paper says of it, and how far it sees."""

import pytest
import torch

from napari_focusstack.networks.blocks import MSRB
from napari_focusstack.networks.fsb import FSB, focus_features


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return FSB(width=8, down=(2, 4)).eval()


def planes(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_default_is_the_network_of_the_paper():
    network = FSB()
    blocks = [module for module in network.modules() if isinstance(module, MSRB)]
    assert len(blocks) == 8
    assert len(network.pairs) == 4
    assert len({block.down for block in blocks}) > 1  # the down factor differs between blocks
    assert sum(isinstance(module, torch.nn.Conv2d) for module in network.head) == 3
    assert network.stride == 32


def test_six_channels_go_in_and_an_alpha_comes_out(small):
    with torch.no_grad():
        alpha = small(planes(2, 6, 32, 48))
        logits = small.logits(planes(2, 6, 32, 48))
    assert alpha.shape == (2, 1, 32, 48)
    assert alpha.dtype == torch.float32
    assert 0 < float(alpha.min()) <= float(alpha.max()) < 1
    torch.testing.assert_close(alpha, torch.sigmoid(logits))


def test_an_odd_number_of_blocks_cannot_be_paired():
    with pytest.raises(ValueError, match="zip"):
        FSB(width=8, down=(2, 4, 8))


def test_the_config_builds_the_same_network(small):
    again = FSB(**small.config)
    again.load_state_dict(small.state_dict())
    assert torch.equal(again(planes(1, 6, 16, 16)), small(planes(1, 6, 16, 16)))


@pytest.mark.parametrize("down", [(2, 4), (4, 8), (2, 2, 2, 2)])
def test_a_pixel_beyond_reach_changes_nothing_and_one_nearby_does(down):
    torch.manual_seed(1)
    network = FSB(width=8, down=down).double().eval()
    side = (2 * network.receptive_radius_px + 32) // network.stride * network.stride
    scene = planes(1, 6, side, side).double()
    farthest = 0
    for at in range(side // 2, side // 2 + network.stride):  # each place in a coarse cell
        changed = scene.clone()
        changed[..., at, at] = 1 - changed[..., at, at]
        with torch.no_grad():
            difference = (network(changed) - network(scene))[0, 0].abs()
        rows, columns = difference.nonzero(as_tuple=True)
        distance = torch.maximum((rows - at).abs(), (columns - at).abs())
        farthest = max(farthest, int(distance.max()))
    assert 0.4 * network.receptive_radius_px < farthest <= network.receptive_radius_px


def test_the_answer_moves_with_the_image_by_multiples_of_the_stride(small):
    scene = planes(1, 6, 128, 128)
    shift = 3 * small.stride
    inner = slice(48, 80)
    with torch.no_grad():
        here, there = small(scene), small(scene.roll(shift, -1))
    torch.testing.assert_close(
        here[..., inner, inner], there[..., inner, 48 + shift : 80 + shift], atol=1e-6, rtol=0
    )


def test_the_cues_show_which_plane_is_sharp_and_lose_no_channel():
    pair = torch.full((1, 6, 32, 32), 0.5)
    pair[:, :3] += 0.2 * (torch.arange(32) % 2 * 2 - 1)  # fine stripes in the near plane alone
    features = focus_features(pair)
    assert features.shape == (1, 8, 32, 32)
    # |Laplacian| of the stripes is 4 . 0.2 inside, 0 in the far plane
    assert float(features[0, 6, 16, 16]) == pytest.approx(
        torch.log(torch.tensor(0.81 / 0.01)).item()
    )
    assert (features[:, 6:] > 0).all()
    near = (features[:, :3] + features[:, 3:6] / 4 + 1) / 2
    torch.testing.assert_close(near, pair[:, :3])


def test_gradients_reach_every_weight(small):
    network = FSB(**small.config)
    network(planes(1, 6, 32, 32)).mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().sum()) > 0, name
