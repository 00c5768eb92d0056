"""Smaller pictures tell which planes are wrong where blur is wide."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.planes.lazy_plane import LazyPlane
from napari_focusstack.planes.scratch import ScratchPlanes
from napari_focusstack.runtime.progress import Progress, run
from napari_focusstack.source import scales
from napari_focusstack.source.noise import estimate_noise
from napari_focusstack.source.scales import expect_at_all_scales, reduced
from napari_focusstack.source.select_sources import select_sources
from napari_focusstack.source.tile_planes import Work

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def legs():
    """Dark legs before a bright, blank ground, in five planes; plane 1 is sharp."""
    chance = np.random.default_rng(0)
    rows, columns = np.mgrid[:512, :512]
    is_leg = (np.abs(columns - 90) < 40) | (np.abs(columns - 420) < 40) | (np.abs(rows - 60) < 30)
    texture = 0.12 + 0.1 * ndimage.gaussian_filter(chance.random((512, 512)), 1.5)
    sharp = np.where(is_leg, texture, 0.8)
    planes = [ndimage.gaussian_filter(sharp, sigma_px) for sigma_px in (0.3, 12, 24, 36, 48)]
    noisy = [plane + chance.normal(0, 0.002, plane.shape) for plane in planes]
    return [(60000 * plane.clip(0, 1)).astype(np.uint16) for plane in noisy]


def stack_of(planes):
    return FocalStack(planes, "linear", CPU, 2**30)


def error_in_the_gap(planes, network):
    """Mean error of the light between the legs."""
    stack = stack_of(planes)
    selection = run(select_sources(stack, network, estimate_noise(stack), "none", 1024))
    return np.abs(selection.picture[120:500, 150:360] / 60000 - 0.8).mean()


def test_a_blank_gap_is_not_taken_from_planes_in_which_its_edges_blur_into_it(
    legs, network, monkeypatch
):
    assert error_in_the_gap(legs, network) < 0.015
    monkeypatch.setattr(scales, "LEAST_SIDE_PX", 513)
    assert error_in_the_gap(legs, network) > 0.02


@pytest.mark.parametrize(("tile_px", "budget_bytes"), [(96, 2**30), (1024, 10**7)])
def test_tiles_and_memory_change_no_bit(stack, network, monkeypatch, tile_px, budget_bytes):
    monkeypatch.setattr(scales, "LEAST_SIDE_PX", 60)  # the smaller picture is looked at, too

    def errors(tile_px, budget_bytes):
        work = Work(tile_px, budget_bytes)
        return run(expect_at_all_scales(stack, network, 0.004, work)).read_all(stack.full)

    monkeypatch.setattr(scales, "WEIGHT", 10.0)
    whole = errors(1024, 2**30)
    assert torch.equal(errors(tile_px, budget_bytes), whole)
    monkeypatch.setattr(scales, "LEAST_SIDE_PX", 251)
    assert (errors(1024, 2**30) != whole).any()


def test_planes_are_doubted_beyond_the_margin_only(stack, network, monkeypatch):
    monkeypatch.setattr(scales, "LEAST_SIDE_PX", 200)
    work = Work(1024, 2**30)
    plain = run(expect_at_all_scales(reduced(stack), network, estimate_noise(reduced(stack)), work))
    logs = plain.read_all((slice(0, 63), slice(0, 105)))
    doubts = run(scales._doubts(stack, network, work)).read_all((slice(0, 63), slice(0, 105)))
    beyond = (logs - logs.amin(0) - scales.MARGIN).clamp(min=0) * scales.WEIGHT
    torch.testing.assert_close(doubts, beyond, atol=0.01, rtol=0.01)
    assert 0.05 < (doubts > 0).float().mean() < 0.95


def test_the_smaller_picture_is_one_step_of_the_progress(stack, network, monkeypatch):
    monkeypatch.setattr(scales, "LEAST_SIDE_PX", 200)
    steps = list(expect_at_all_scales(stack, network, 0.004, Work(1024, 2**30)))
    names = list(dict.fromkeys(step.step for step in steps))
    assert names == ["compare smaller planes", "read surroundings", "compare planes"]
    assert steps[0] == Progress("compare smaller planes", 0, 1)
    assert Progress("compare smaller planes", 1, 1) in steps


@pytest.mark.parametrize("size", [(64, 48), (61, 50)])
def test_cells_have_the_mean_of_display_values(size):
    planes = np.random.default_rng(0).integers(0, 60000, (2, *size), np.uint16)
    smaller = reduced(stack_of(planes))
    assert smaller.size == (-(-size[0] // 4), -(-size[1] // 4))
    stack = stack_of(planes)
    of_cell = stack.display(2, np.s_[8:12, 20:24])[0].mean()
    shown = smaller.display(2, smaller.full)
    assert float(shown[0, 2, 5]) == pytest.approx(float(of_cell), abs=1e-4)
    light = torch.tensor(planes[1, 8:12, 20:24] / 60000)  # near the range of the stack
    assert float(of_cell) == pytest.approx(float(linear_to_srgb(light).mean()), abs=0.02)


def test_smaller_planes_of_a_stack_in_a_file_lie_in_a_file():
    planes = np.random.default_rng(0).integers(0, 255, (3, 64, 48, 3), np.uint8)
    with ScratchPlanes(planes.shape, np.uint8) as scratch:
        for number, plane in enumerate(planes):
            scratch.write(number, plane)
        lazy = [LazyPlane(scratch, number, planes.shape[1:]) for number in range(3)]
        smaller = reduced(FocalStack(lazy, "auto", CPU, 2**30))
    in_memory = reduced(FocalStack(planes, "auto", CPU, 2**30))
    assert all(isinstance(plane, LazyPlane) for plane in smaller.sources)
    for number in (1, 2, 3):
        whole = smaller.display(number, smaller.full)
        assert torch.equal(whole, in_memory.display(number, in_memory.full))
