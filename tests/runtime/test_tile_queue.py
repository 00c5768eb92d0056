"""A tile in which memory runs out is cut in two, down to the least."""

import time

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.runtime import tile_queue
from napari_focusstack.runtime.tile_queue import TileQueue, is_shortage
from napari_focusstack.runtime.tiles import tiles_of

CPU = torch.device("cpu")
WHOLE = (slice(0, 200), slice(0, 300))


def work(tiles, most, error=MemoryError):
    """Mark the pixels of tiles of at most so many; memory runs out in larger ones."""
    marked = np.zeros((200, 300), int)
    for tile in tiles:
        with tiles.attempt(tile):
            if marked[tile].size > most:
                raise error
            marked[tile] += 1
    return marked


@pytest.mark.parametrize("most", [60_000, 30_000, 9_000])
def test_every_pixel_is_worked_on_once(most):
    tiles = TileQueue([WHOLE], grid_px=16, least_px=32)
    assert (work(tiles, most) == 1).all()
    assert tiles.done == tiles.total
    assert (tiles.total == 1) == (most == 60_000)


def test_what_was_done_before_is_kept():
    halves = [(slice(0, 100), slice(0, 300)), (slice(100, 200), slice(0, 300))]
    tiles, begun = TileQueue(halves, 4, 8), []
    for tile in tiles:
        with tiles.attempt(tile):
            begun.append(tile)
            if len(begun) == 2:
                raise MemoryError
    assert begun[:2] == halves
    assert begun[2:] == [(halves[1][0], slice(0, 148)), (halves[1][0], slice(148, 300))]


def test_parts_begin_at_the_grid():
    tiles = TileQueue([WHOLE], grid_px=32, least_px=32)
    with tiles.attempt(next(iter(tiles))):
        raise MemoryError
    assert [tile[1] for tile in tiles] == [slice(0, 128), slice(128, 300)]


def test_where_the_least_is_too_large_the_error_says_so_in_a_sentence():
    tiles = TileQueue([WHOLE], grid_px=16, least_px=32)
    with pytest.raises(InputError, match="too little memory for a part of 48 x 32 px"):
        work(tiles, 1000)


def test_a_tile_that_cannot_be_cut_is_tried_once_more_with_less_at_a_time():
    tiles, asked = TileQueue([WHOLE], grid_px=400, least_px=400), []
    for tile in tiles:
        with tiles.attempt(tile):
            asked.append(tiles.is_short)
            if not tiles.is_short:
                raise MemoryError
    assert asked == [False, True]
    assert tiles.done == tiles.total == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_some_tiles_at_a_time_are_all_worked_on(workers):
    tiles = TileQueue(tiles_of((200, 300), 50), grid_px=16, least_px=32)
    marked = np.zeros((200, 300), int)
    for tile, result in tiles.map(lambda tile: tile[0].start, CPU, workers):
        marked[tile] += 1
        assert result == tile[0].start
    assert (marked == 1).all()
    assert tiles.done == tiles.total == 24


def test_tiles_that_run_out_of_memory_beside_others_are_worked_on_alone_and_then_cut():
    tiles = TileQueue(tiles_of((200, 300), 100), grid_px=16, least_px=32)
    running, most, marked = set(), [], np.zeros((200, 300), int)

    def fill(tile):
        running.add(id(tile))
        most.append(len(running))
        time.sleep(0.01)
        try:
            if len(running) > 1 or tile[1].stop - tile[1].start > 60:
                raise MemoryError
        finally:
            running.discard(id(tile))

    for tile, _ in tiles.map(fill, CPU, 2):
        marked[tile] += 1
    assert (marked == 1).all()
    assert max(most) == 2
    assert set(most[4:]) == {1}
    assert tiles.total == tiles.done > 6


def test_other_errors_are_not_caught():
    tiles = TileQueue([WHOLE], grid_px=16, least_px=32)
    with pytest.raises(RuntimeError, match="sizes differ"):
        work(tiles, 1000, RuntimeError("sizes differ"))

    def fail(tile):
        raise RuntimeError("sizes differ")

    with pytest.raises(RuntimeError, match="sizes differ"):
        list(TileQueue([WHOLE], 16, 32).map(fail, CPU, 2))


def test_a_shortage_is_known_by_what_numpy_torch_and_opencv_raise():
    with pytest.raises(MemoryError) as of_numpy:
        np.empty(2**50)
    assert is_shortage(of_numpy.value)
    with pytest.raises(RuntimeError) as of_torch:
        torch.empty(2**50)
    assert is_shortage(of_torch.value)
    assert is_shortage(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_shortage(Exception("error: (-4:Insufficient memory) Failed to allocate 400 bytes"))
    assert not is_shortage(RuntimeError("size mismatch"))


@pytest.mark.parametrize("workers", [1, 2])
def test_memory_is_returned_to_the_system_after_the_last_of_several_tiles(monkeypatch, workers):
    trims = []
    monkeypatch.setattr(tile_queue, "trim_heap", lambda: trims.append(len(done)))
    done = []
    tiles = TileQueue(tiles_of((64, 640), 64), grid_px=16, least_px=32)
    for tile, _ in tiles.map(lambda tile: None, torch.device("cpu"), workers):
        done.append(tile)
    assert len(done) == 10
    assert len(trims) == 1
    assert trims[0] >= 9  # the last is handed on after that
    done.clear(), trims.clear()
    stroke = TileQueue(tiles_of((64, 64), 64), grid_px=16, least_px=32)
    list(stroke.map(lambda tile: None, torch.device("cpu"), workers))
    assert trims == []
