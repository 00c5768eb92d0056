"""Surfaces are sought in some planes, and told in the numbers of all."""

import numpy as np
import pytest
import torch

from napari_focusstack.fusion import surface_planes
from napari_focusstack.fusion.surface_planes import SurfacePlanes
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.segmentation.focus_map import FocusMap


@pytest.fixture
def stack(focal_stack_of):
    chance = np.random.default_rng(0)
    return focal_stack_of(list(chance.integers(0, 60000, (9, 32, 32), np.uint16)))


@pytest.fixture
def every_fourth(stack, monkeypatch):
    monkeypatch.setattr(surface_planes, "distinct_planes", lambda count, width: [1, 5, 9])
    return SurfacePlanes.of(stack, list(range(1, 10)), 1.0)


def test_depths_and_blurs_are_told_in_both_numberings(stack, every_fourth):
    assert every_fourth.numbers == [1, 5, 9]
    assert every_fourth.stack.sources[1] is stack.sources[4]
    depth = torch.linspace(1, 3, 32 * 32).reshape(1, 32, 32)
    wide = every_fourth.widen(FocusMap.of_depth(depth, 3))
    assert wide.planes == 9
    torch.testing.assert_close(wide.depth, 4 * depth - 3)
    torch.testing.assert_close(every_fourth.narrow(wide).depth, depth)
    narrow = every_fourth.narrow_psf(Psf(0.25, 0.3, curve=((0.25, 0.1),)))
    assert (narrow.sigma_px, narrow.sigma_background_px) == (1.0, 1.2)
    assert narrow.curve == ((1.0, 0.1),)
    assert every_fourth.widen_psf(narrow) == Psf(0.25, 0.3, curve=((0.25, 0.1),))


def test_a_blur_that_is_given_is_that_of_a_step_of_the_whole_stack(every_fourth):
    given = every_fourth.narrow_parameters(FuseParameters(psf=0.5))
    assert given.psf == 2.0
    assert every_fourth.narrow_parameters(FuseParameters()) == FuseParameters()


def test_blank_planes_are_not_among_them(stack):
    shown = [2, 3, 5]
    chosen = SurfacePlanes.of(stack, shown, 1.0)
    assert chosen.numbers == shown
    assert not chosen.are_all


def test_uneven_steps_are_told_in_mean_steps(stack):
    positions = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 20])
    chosen = SurfacePlanes.of(stack, [1, 2, 9], 1.0, positions)
    assert chosen.places == (1.0, 1.1, 3.0)
    assert chosen.unevenness == pytest.approx(1.9)
    focus = chosen.narrow(FocusMap.of_depth(torch.full((1, 32, 32), 2.0), 9))
    assert float(focus.place(focus.depth).mean()) == pytest.approx(1.1)


def test_where_all_planes_are_taken_nothing_is_converted(stack):
    chosen = SurfacePlanes.of(stack, list(range(1, 10)), 0.5)
    focus = FocusMap.of_depth(torch.ones(1, 32, 32), 9)
    psf = Psf(1.0)
    assert chosen.narrow(focus) is focus
    assert chosen.widen(focus) is focus
    assert chosen.narrow_psf(psf) is psf


def test_reversed_planes_lie_where_they_did(stack):
    positions = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 10])
    planes = SurfacePlanes.of(stack, [1, 2, 3, 5, 9], 1.0, positions)
    other = planes.reversed
    assert other.numbers == [1, 5, 7, 8, 9]
    assert other.stack.sources[1] is stack.sources[4]
    np.testing.assert_allclose(np.diff(other.places), np.diff(planes.places)[::-1])
    assert other.places[0] == 1
    assert other.reversed.places == pytest.approx(planes.places)
