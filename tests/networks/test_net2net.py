"""A wider network takes over the weights of a narrower one, and its answers."""

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.networks.net2net import net2wider

CHANNELS = {FSB: 6, KEB: 7}
KINDS = pytest.mark.parametrize("kind", [FSB, KEB])


def trained(kind, width=8):
    """A network whose every weight matters, as after training."""
    torch.manual_seed(0)
    network = kind(width=width, down=(2, 4)).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.2)
        if kind is KEB:
            network.answer[4].weight.mul_(20)  # a fresh KEB hardly looks
    return network


def answers(network):
    kind = type(network)
    scenes = torch.rand(4, CHANNELS[kind], 64, 64, generator=torch.Generator().manual_seed(1))
    scenes[2:] = scenes[2:] ** 3
    with torch.no_grad():
        return network.logits(scenes) if kind is FSB else network(scenes)


@KINDS
@pytest.mark.parametrize("times", [2, 3])
def test_the_wider_network_answers_as_the_narrow_one(kind, times):
    narrow = trained(kind)
    expected = answers(narrow)
    assert float(expected.std()) > 0.01
    torch.manual_seed(2)
    wide = net2wider(narrow, kind(width=8 * times, down=(2, 4)))
    assert wide.config["width"] == 8 * times
    difference = (answers(wide) - expected).abs().max()
    assert float(difference) < 1e-3 * float(expected.std())


@KINDS
def test_a_width_that_is_no_multiple_is_refused(kind):
    with pytest.raises(InputError, match="width 12 is not a multiple of 8"):
        net2wider(trained(kind), kind(width=12, down=(2, 4)))


@KINDS
def test_the_same_width_is_a_copy(kind):
    narrow = trained(kind)
    copy = net2wider(narrow, kind(width=8, down=(2, 4)))
    for name, weight in narrow.state_dict().items():
        torch.testing.assert_close(copy.state_dict()[name], weight)
        assert copy.state_dict()[name].data_ptr() != weight.data_ptr()


@KINDS
def test_the_narrow_network_is_left_alone(kind):
    narrow = trained(kind)
    before = {name: weight.clone() for name, weight in narrow.state_dict().items()}
    wide = net2wider(narrow, kind(width=16, down=(2, 4)))
    with torch.no_grad():
        for parameter in wide.parameters():
            parameter.fill_(0.5)
    for name, weight in narrow.state_dict().items():
        assert torch.equal(weight, before[name])


@KINDS
def test_the_copies_of_a_channel_learn_to_differ(kind):
    wide = net2wider(trained(kind), kind(width=16, down=(2, 4)))
    scenes = torch.rand(2, CHANNELS[kind], 32, 32, generator=torch.Generator().manual_seed(3))
    wide(scenes).square().sum().backward()
    gradient = wide.stem.weight.grad
    first, second = gradient[:8], gradient[8:]
    assert float((first - second).norm()) > 0.1 * float(first.norm())
