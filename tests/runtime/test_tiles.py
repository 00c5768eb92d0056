"""Tiles of an image."""

from itertools import pairwise

import pytest

from napari_focusstack.runtime.tiles import tile_edges


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
