"""DEB tile by tile: what it reads, what it says, how much memory it takes."""

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.networks import tiled_deb, weights
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.tiled_deb import run_tiled
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import run

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


def test_little_memory_and_memory_that_runs_out_change_no_bit(
    make_focal_stack, deb, tiles_of_deb, monkeypatch
):
    tiles_of_deb(64)
    planes = make_focal_stack(3, 1.5, side=128).planes()
    whole = run(run_tiled(stack_of(planes), deb, 96, least))
    read, readers = tiled_deb._inputs, []

    def inputs(planes, network, where, at_a_time):
        readers.append(at_a_time)
        if len(readers) == 1:
            raise MemoryError
        return read(planes, network, where, at_a_time)

    monkeypatch.setattr(tiled_deb, "_inputs", inputs)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    short = run(run_tiled(stack_of(planes), deb, 96, least))
    assert readers == [2, 1, 1, 1, 1]
    little = run(run_tiled(FocalStack(planes, "auto", CPU, 10**6), deb, 96, least))
    assert readers[5:] == [1, 1, 1, 1]
    for maps in (short, little):
        assert all(map(torch.equal, maps, whole))


def test_a_tile_for_which_memory_never_suffices_is_named(make_focal_stack, deb, monkeypatch):
    def inputs(*_):
        raise MemoryError

    monkeypatch.setattr(tiled_deb, "_inputs", inputs)
    stack = stack_of(make_focal_stack(3, 1.5, side=96).planes())
    with pytest.raises(InputError, match="too little memory for a part of 96 x 96 px"):
        run(run_tiled(stack, deb, 96, least))
