"""A tile in which memory runs out is cut in two, down to the least."""

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.tile_queue import TileQueue, is_shortage

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


def test_other_errors_are_not_caught():
    tiles = TileQueue([WHOLE], grid_px=16, least_px=32)
    with pytest.raises(RuntimeError, match="sizes differ"):
        work(tiles, 1000, RuntimeError("sizes differ"))


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
