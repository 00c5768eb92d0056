"""Surroundings are those of the whole picture, whatever the tiles and the memory."""

import pytest
import torch

from napari_focusstack.networks.device import autocast
from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.region import full
from napari_focusstack.source.surroundings import read_surroundings
from napari_focusstack.source.tile_planes import CuesOfRegions, Work

NOISE = 0.004


def surroundings(stack, network, tile_px, work_bytes=2**30):
    cues = CuesOfRegions(stack, network.stride, NOISE)
    found = run(read_surroundings(cues, network, Work(tile_px, work_bytes)))
    return found.read_all(full(found.size))


def test_they_are_what_the_network_sees_of_the_whole(stack, network):
    cues = CuesOfRegions(stack, network.stride, NOISE).of(stack.full)
    with torch.no_grad(), autocast(stack.device):
        expected = network.encode(network.cells(cues))[0]
    found = surroundings(stack, network, 64)
    torch.testing.assert_close(found, expected.float(), atol=0.1, rtol=0.01)  # it may be bfloat16
    assert (found - expected).abs().mean() < 0.01


@pytest.mark.parametrize(("tile_px", "work_bytes"), [(128, 2**30), (192, 2**30), (448, 10**6)])
def test_tiles_and_memory_change_no_bit(stack, network, tile_px, work_bytes):
    whole = surroundings(stack, network, 448)
    assert torch.equal(surroundings(stack, network, tile_px, work_bytes), whole)
