"""DEB tile by tile: what it reads, what it says, how much memory it takes."""

import pytest
import torch

from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.tiled_deb import run_tiled
from napari_focusstack.planes.focal_stack import FocalStack

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def deb(deb_weights):
    """A DEB that answers with the sharpest plane."""
    return weights.load("deb", torch.device("cpu"), deb_weights)[0]


def stack_of(planes):
    return FocalStack(planes, "auto", CPU, 2**34)


def least(strips, features):
    """The least logit of each pixel."""
    return torch.cat([logits.amin(0, keepdim=True) for logits in strips], 1), features[0, :1]


def test_progress_counts_the_tiles(make_focal_stack, tiles_of_deb):
    tiles_of_deb(64)
    stack = stack_of(make_focal_stack(3, 1.5, side=96).planes())
    told = list(run_tiled(stack, DEB(8, 2), 96, least))
    assert [(each.step, each.done, each.total) for each in told] == [
        ("find focus", number, 4) for number in range(5)
    ]


def test_a_search_that_is_given_up_stops_after_the_tiles_at_hand(make_focal_stack, tiles_of_deb):
    tiles_of_deb(64)
    stack = stack_of(make_focal_stack(3, 1.5, side=256).planes())
    looked_at = []

    def read(strips, features):
        looked_at.append(1)
        return least(strips, features)

    steps = run_tiled(stack, DEB(8, 2), 96, read)
    next(steps)
    next(steps)
    steps.close()
    assert len(looked_at) <= 4
