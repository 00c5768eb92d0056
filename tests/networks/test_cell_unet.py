import pytest
import torch

from napari_focusstack.networks.cell_unet import CELL_PX, CellUNet, CrossPlaneBlock


@pytest.mark.parametrize("planes", [2, 5])
def test_gradients_in_half_precision_are_those_of_full_precision(planes):
    torch.manual_seed(0)
    block = CrossPlaneBlock(16).to(memory_format=torch.channels_last)
    features = torch.randn(planes, 16, 96, 96).contiguous(memory_format=torch.channels_last)
    gradients = []
    for precision in (torch.float32, torch.bfloat16):
        block.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != torch.float32):
            block(features, planes).square().mean().backward()
        gradients.append(block.across.weight.grad.clone())
    exact, rounded = gradients
    assert float((rounded - exact).norm() / exact.norm()) < 0.02


def test_a_block_adds_to_its_input():
    block = CrossPlaneBlock(4)
    torch.nn.init.zeros_(block.across.weight)
    features = torch.rand(6, 4, 8, 8)
    assert torch.equal(block(features, 3), features)


def test_a_block_sees_its_neighbours_and_the_ends_stand_in_for_theirs():
    """With convolutions that pass on what they get, each part of the mixture can be read off."""
    block = CrossPlaneBlock(1)
    with torch.no_grad():
        for layer in (block.within[0], block.within[2]):
            layer.weight.zero_()
            layer.weight[0, 0, 1, 1] = 1
    seen = torch.tensor([1.0, 4.0, 2.0])
    features = seen[:, None, None, None].expand(3, 1, 2, 2)
    expected = ([1, 4, 2], [1, 1, 4], [4, 2, 2], [4, 4, 4], [7 / 3] * 3)
    for part, values in enumerate(expected):
        with torch.no_grad():
            block.across.weight.zero_()
            block.across.weight[0, part] = 1
            mixed = (block(features, 3) - features)[:, 0, 0, 0]
        torch.testing.assert_close(mixed, torch.tensor(values, dtype=torch.float32))


mixed = CrossPlaneBlock.mixed


@torch.no_grad()
@pytest.mark.parametrize("planes", [2, 5])
def test_the_surroundings_of_any_number_of_planes_are_seen(planes):
    network = CellUNet(inputs=3, width=4, levels=1, outputs=6)
    assert network.stride == 2 * CELL_PX
    cells = torch.rand(planes, 3, 8, 8)
    assert network.surroundings(cells, planes).shape == (planes, 6, 8, 8)


@torch.no_grad()
def test_strips_of_rows_answer_as_the_whole(monkeypatch):
    network = CellUNet(inputs=3, width=4, levels=2, outputs=6)
    cells = torch.rand(3, 3, 96, 24)
    whole = network.surroundings(cells, 3)
    strips = []
    monkeypatch.setattr("napari_focusstack.networks.cell_unet.STRIP_CELLS", 1)
    monkeypatch.setattr(
        CrossPlaneBlock,
        "mixed",
        lambda block, features, planes: strips.append(features) or mixed(block, features, planes),
    )
    torch.testing.assert_close(network.surroundings(cells, 3), whole, atol=1e-5, rtol=1e-5)
    assert len(strips) == 6 + 3 + 2 + 3 + 6
