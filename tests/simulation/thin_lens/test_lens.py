"""The thin lens against what geometry says, without any equation of image formation."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.lens import ThinLens, photograph
from napari_focusstack.simulation.thin_lens.scene import CANVAS_SCALE, Scene, Surface

SIDE = 64


def canvas(lens, greatest_px=12.0):
    return lens.canvas_px(greatest_px) * CANVAS_SCALE


def noise_texture(side, seed=0, smooth=1.0):
    """White noise as fine as a canvas of twice the resolution can hold."""
    import cv2

    pixels = np.random.default_rng(seed).random((side, side, 3)).astype(np.float32)
    fine = cv2.GaussianBlur(pixels, (0, 0), smooth)
    return np.clip(0.5 + (fine - 0.5) * 2, 0, 1)


def flat(side, level):
    return np.full((side, side, 3), level, np.float32)


def half_plane(side):
    """Cover all canvas pixels left of the middle."""
    alpha = np.zeros((side, side), np.float32)
    alpha[:, : side // 2] = 1
    return alpha


@pytest.mark.parametrize("disparity_px", [0.0, 3.3, -5.0])
def test_a_surface_in_focus_equals_the_truth(disparity_px):
    lens = ThinLens(SIDE, (disparity_px, disparity_px - 2.0))
    scene = Scene((Surface(noise_texture(canvas(lens)), None, disparity_px),))
    stack = photograph(scene, lens)
    assert stack.truth.std() > 0.05
    error = np.abs(stack.planes[0] - stack.truth)
    assert error.mean() < 0.0015
    assert error.max() < 0.012
    assert np.abs(stack.planes[1] - stack.truth).max() > 0.05


def test_a_slanted_surface_is_sharp_where_the_plane_cuts_it():
    lens = ThinLens(SIDE, (3.0, 0.0, -3.0))
    side = canvas(lens)
    across = (np.arange(side, dtype=np.float32) + 0.5) / CANVAS_SCALE
    slope = np.tile((across - side / 2 / CANVAS_SCALE) / 8, (side, 1)).astype(np.float32)
    stack = photograph(Scene((Surface(noise_texture(side), None, slope),)), lens)
    for plane, disparity in zip(stack.planes, lens.disparities_px, strict=True):
        error = np.abs(plane - stack.truth).mean((0, 2))
        column = int(SIDE / 2 + 8 * disparity)
        assert error[column - 1 : column + 1].mean() < 0.006
        assert abs(int(error.argmin()) - column) <= 2
    assert stack.disparity_px[:, SIDE // 2] == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("radius_px", [4.0, 10.0])
def test_a_point_becomes_a_disk_of_the_aperture(radius_px):
    lens = ThinLens(SIDE, (0.0,), views=600)
    side = canvas(lens)
    light = flat(side, 0.0)
    middle = side // 2
    light[middle - 1 : middle + 1, middle - 1 : middle + 1] = 100.0
    picture = photograph(Scene((Surface(light, None, radius_px),)), lens).planes[0, ..., 0]
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    distance = np.hypot(y, x)
    weight = picture * (distance < radius_px + 4)
    weight = weight / weight.sum()
    assert np.sqrt((weight * distance**2).sum()) == pytest.approx(radius_px / np.sqrt(2), rel=0.04)
    inside = picture[distance < radius_px - 2]
    assert inside.std() / inside.mean() < 0.15  # no single copies
    assert picture[distance > radius_px + 2].max() < 0.05 * inside.mean()
    assert picture.sum() == pytest.approx(100.0, rel=0.02)  # one pixel of light, spread


def test_at_the_edge_the_far_plane_shows_half_of_the_blurred_foreground():
    lens = ThinLens(SIDE, (8.0, 0.0))
    side = canvas(lens)
    scene = Scene(
        (Surface(flat(side, 1.0), half_plane(side), 8.0), Surface(flat(side, 0.0), None, 0.0))
    )
    stack = photograph(scene, lens)
    near, far = stack.planes[:, SIDE // 2, :, 0]
    assert (far[SIDE // 2 - 1] + far[SIDE // 2]) / 2 == pytest.approx(0.5, abs=0.02)
    assert far[SIDE // 2 - 11] == pytest.approx(1.0, abs=0.01)
    assert far[SIDE // 2 + 10] == pytest.approx(0.0, abs=0.01)
    half_way = (far[SIDE // 2 + 3] + far[SIDE // 2 + 4]) / 2  # half a radius outside
    assert half_way == pytest.approx(0.1955, abs=0.02)  # circular segment
    assert np.abs(near - stack.truth[SIDE // 2, :, 0]).max() < 0.01


def test_what_is_hidden_comes_into_sight_beside_an_edge():
    """The rim of the aperture looks behind a dark edge, where the pinhole sees the edge."""
    lens = ThinLens(SIDE, (0.0,))
    side = canvas(lens)
    texture = noise_texture(side, 1)
    dark = Surface(flat(side, 0.0), half_plane(side), 6.0)
    stack = photograph(Scene((dark, Surface(texture, None, 0.0))), lens)
    alone = photograph(Scene((Surface(texture, None, 0.0),)), lens)
    open_side = slice(SIDE // 2 + 9, None)
    assert np.abs(stack.planes[0] - alone.truth)[:, open_side].max() < 0.005
    behind = SIDE // 2 - 3  # the rim of the aperture looks behind the edge
    seen = stack.planes[0][:, behind].ravel()
    assert np.corrcoef(seen, alone.truth[:, behind].ravel())[0, 1] > 0.95
    assert stack.truth[:, behind].max() < 0.01


def test_light_is_conserved():
    lens = ThinLens(SIDE, (6.0, 3.0, 0.0, -6.0))
    side = canvas(lens)
    light = flat(side, 0.2)
    light[side // 2 - 10 : side // 2 + 10, side // 2 - 10 : side // 2 + 10] = 0.9
    planes = photograph(Scene((Surface(light, None, 2.0),)), lens).planes
    assert np.ptp(planes.mean((1, 2, 3))) < 1e-3


def test_surfaces_that_cross_hide_each_other_point_by_point():
    lens = ThinLens(SIDE, (0.0,))
    side = canvas(lens)
    ramp = np.tile(np.linspace(-6, 6, side, dtype=np.float32), (side, 1))
    scene = Scene((Surface(flat(side, 1.0), None, ramp), Surface(flat(side, 0.0), None, 0.0)))
    stack = photograph(scene, lens)
    assert stack.truth[:, : SIDE // 2 - 3].max() < 0.01
    assert stack.truth[:, SIDE // 2 + 3 :].min() > 0.99
    assert stack.disparity_px[:, : SIDE // 2 - 3].max() == 0


def test_same_seed_same_pixels():
    lens = ThinLens(SIDE, (2.0, -2.0), seed=7)
    scene = Scene((Surface(noise_texture(canvas(lens)), None, 1.0),))
    first, second = photograph(scene, lens), photograph(scene, lens)
    assert np.array_equal(first.planes, second.planes)
    assert np.array_equal(first.truth, second.truth)


def test_many_planes_contain_the_pictures_of_few():
    side_px = 32
    many = tuple(np.linspace(4, -4, 200).tolist())
    few = tuple(many[k] for k in (0, 50, 100, 149, 199))
    lens = ThinLens(side_px, few)
    side = canvas(lens)
    scene = Scene(
        (
            Surface(noise_texture(side), half_plane(side), 3.0),
            Surface(noise_texture(side, 1), None, -3.0),
        )
    )
    expected = photograph(scene, lens).planes
    found = photograph(scene, ThinLens(side_px, many)).planes[[0, 50, 100, 149, 199]]
    assert np.abs(found - expected).max() < 1e-3


def test_colours_are_focused_apart():
    lens = ThinLens(SIDE, (0.0,), chromatic_px=(0.0, 0.0, 3.0))
    side = canvas(lens)
    grey = noise_texture(side)[..., :1].repeat(3, -1)
    stack = photograph(Scene((Surface(grey, None, 0.0),)), lens)
    error = np.abs(stack.planes[0] - stack.truth).mean((0, 1))
    assert error[0] == pytest.approx(error[1])
    assert error[2] > 10 * error[0]
