"""The least memory of a fusion is that of the step that needs most."""

import pytest

from napari_focusstack.elimination import blockwise
from napari_focusstack.fusion.least_memory import least_bytes, least_bytes_of_tiles
from napari_focusstack.networks import tiled_deb, tiled_fsb
from napari_focusstack.segmentation import depth_edges

LARGE = (4000, 6000)


def test_the_blocks_of_the_elimination_need_most_in_a_stack_of_large_planes():
    of_depth = max(tiled_deb.least_bytes(count, LARGE, 96, 64) for count in range(3, 21))
    of_edges, of_halo = depth_edges.least_bytes(LARGE), blockwise.least_bytes(LARGE)
    assert of_edges < of_depth < of_halo
    assert least_bytes(3, LARGE) == least_bytes(40, LARGE) == of_halo


def test_what_is_kept_of_each_plane_needs_most_in_a_stack_of_many_small_ones():
    assert least_bytes(300, (64, 64)) == least_bytes_of_tiles(300, (64, 64))
    assert least_bytes_of_tiles(300, (64, 64)) > 5 * blockwise.least_bytes((64, 64))


def test_a_pair_needs_what_its_matte_or_its_wide_tiles_need():
    assert least_bytes_of_tiles(2, LARGE) == tiled_fsb.least_bytes(LARGE)
    wide = tiled_deb.least_bytes(2, LARGE, 612, 64)
    assert least_bytes(2, LARGE) == max(wide, tiled_fsb.least_bytes(LARGE))
    assert wide == pytest.approx(55.6 * (1024 + 2 * 612) ** 2, rel=0.15)


def test_small_planes_need_less():
    sizes = [(64, 64), (256, 256), (600, 600), LARGE]
    needed = [least_bytes(10, size) for size in sizes]
    assert needed == sorted(needed)
    assert needed[0] < 5e6
    assert needed[-1] < 250e6
