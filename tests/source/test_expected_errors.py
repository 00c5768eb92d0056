"""Expected errors are those of the whole picture, whatever the tiles and the memory."""

import numpy as np
import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.networks import weights
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.tiles import pad_to_multiple
from napari_focusstack.source.expected_errors import expect_errors
from napari_focusstack.source.surroundings import read_surroundings
from napari_focusstack.source.tile_planes import CuesOfRegions, Work

NOISE = 0.004


@pytest.fixture(scope="module")
def network():
    return weights.load("seb", torch.device("cpu"))[0]


@pytest.fixture(scope="module")
def stack():
    noise = torch.rand(1, 3, 250, 330, generator=torch.Generator().manual_seed(0))
    planes = [blur(noise, sigma)[0].permute(1, 2, 0).numpy() for sigma in (0.5, 1.5, 4.0)]
    planes = [(255 * plane).astype(np.uint8) for plane in planes]
    return FocalStack(planes, "auto", torch.device("cpu"), 2**30)


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
