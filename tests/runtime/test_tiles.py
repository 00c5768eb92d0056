"""Tiles of an image."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from napari_focusstack.runtime.tiles import (
    LEAST_PX,
    MOST_PX,
    fixed_tile_px,
    pad_to_multiple,
    tile_edges,
    tiles_of,
)

#: Those of DEB.
WORK_BYTES, BYTES_PER_PIXEL = 576 * 2**20, 36.0


@pytest.mark.parametrize(("length", "tile_px"), [(64, 64), (65, 64), (1000, 333), (7, 64)])
def test_tile_edges_cover_a_length_in_equal_parts(length, tile_px):
    edges = tile_edges(length, tile_px)
    sizes = [stop - start for start, stop in edges]
    assert edges[0][0] == 0
    assert edges[-1][1] == length
    assert all(a[1] == b[0] for a, b in pairwise(edges))
    assert max(sizes) <= tile_px
    assert max(sizes) - min(sizes) <= 1
    assert len(edges) == -(-length // tile_px)


def test_tiles_are_rows_and_columns_of_all_of_an_image():
    assert tiles_of((5, 6), 3) == [
        np.s_[0:2, 0:3], np.s_[0:2, 3:6], np.s_[2:5, 0:3], np.s_[2:5, 3:6],
    ]  # fmt: skip
    covered = np.zeros((1000, 77), int)
    for tile in tiles_of(covered.shape, 333):
        covered[tile] += 1
    assert (covered == 1).all()


def test_planes_are_continued_to_a_multiple_of_the_stride():
    planes = torch.arange(6.0).reshape(1, 1, 2, 3)
    padded = pad_to_multiple(planes, 4)
    assert padded[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert torch.equal(pad_to_multiple(padded, 4), padded)


@pytest.mark.parametrize("planes", [3, 6, 12])
def test_fixed_tiles_of_more_planes_are_smaller(planes):
    side = fixed_tile_px(WORK_BYTES, BYTES_PER_PIXEL * planes, 96, 64)
    outer_px = side + 2 * 96
    assert side % 64 == 0
    assert outer_px**2 * planes * BYTES_PER_PIXEL <= WORK_BYTES
    assert side == MOST_PX or (outer_px + 128) ** 2 * planes * BYTES_PER_PIXEL > WORK_BYTES


def test_fixed_tiles_are_never_tiny():
    assert fixed_tile_px(WORK_BYTES, BYTES_PER_PIXEL * 200, 96, 64) == LEAST_PX
    assert fixed_tile_px(WORK_BYTES, BYTES_PER_PIXEL * 9, 612, 64) == 2 * 612 // 64 * 64
