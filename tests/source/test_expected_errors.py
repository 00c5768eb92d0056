"""Expected errors are those of the whole picture, whatever the tiles and the memory."""

import pytest
import torch

from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.tiles import pad_to_multiple
from napari_focusstack.source.expected_errors import expect_errors
from napari_focusstack.source.surroundings import read_surroundings
from napari_focusstack.source.tile_planes import CuesOfRegions, Work

NOISE = 0.004


def errors(stack, network, tile_px, budget_bytes=2**30):
    cues, work = CuesOfRegions(stack, network.stride, NOISE), Work(tile_px, budget_bytes)
    surroundings = run(read_surroundings(cues, network, work))
    return run(expect_errors(cues, network, surroundings, work)).read_all(stack.full)[:, 0]


def test_they_are_what_the_network_expects(stack, network):
    planes = torch.stack([stack.display(number, stack.full) for number in (1, 2, 3)])[None]
    with torch.no_grad():
        expected = network(pad_to_multiple(planes[0], network.stride)[None], torch.tensor([NOISE]))
    height, width = stack.size
    found = errors(stack, network, 1024)
    torch.testing.assert_close(found, expected[0, :, :height, :width], atol=0.05, rtol=0.01)


@pytest.mark.parametrize(("tile_px", "budget_bytes"), [(96, 2**30), (1024, 10**7)])
def test_tiles_and_memory_change_no_bit(stack, network, tile_px, budget_bytes):
    whole = errors(stack, network, 1024)
    assert torch.equal(errors(stack, network, tile_px, budget_bytes), whole)
