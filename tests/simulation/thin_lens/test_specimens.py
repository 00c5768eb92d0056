"""Random scenes: every kind can be drawn, photographed and distinguished from a still one."""

import numpy as np
import pytest
import torch

from napari_focusstack.simulation.material import CUTOUT_PX, SHAPE_PX, SourceImages
from napari_focusstack.simulation.thin_lens.lens import photograph
from napari_focusstack.simulation.thin_lens.paints import paint
from napari_focusstack.simulation.thin_lens.pool import load, render, save
from napari_focusstack.simulation.thin_lens.reliefs import relief
from napari_focusstack.simulation.thin_lens.scene import STEEPEST
from napari_focusstack.simulation.thin_lens.specimens import (
    KINDS,
    SceneParameters,
    draw_lens,
    draw_scene,
)

SMALL = SceneParameters(side_px=32, greatest_range_px=5.0, most_planes=5)


@pytest.fixture(scope="module")
def pictures():
    generator = np.random.default_rng(0)
    photos = [generator.integers(0, 256, (360, 360, 3), dtype=np.uint8) for _ in range(3)]
    material = SourceImages.from_pictures(photos)
    shape = torch.zeros(1, 1, SHAPE_PX, SHAPE_PX, dtype=torch.uint8)
    shape[..., 60:160, 60:160] = 255
    cutout = torch.full((1, 4, CUTOUT_PX, CUTOUT_PX), 200, dtype=torch.uint8)
    return SourceImages(material.photos, shape, cutout)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_scene_can_be_photographed(pictures, kind):
    generator = np.random.default_rng(3)
    lens = draw_lens(SMALL, generator)
    scene = draw_scene(pictures, lens, SMALL, generator, kind)
    assert any(surface.alpha is None for surface in scene.surfaces)
    assert scene.canvas_px[0] >= lens.canvas_px(max(map(abs, scene.range_px)))
    stack = photograph(scene, lens)
    assert np.isfinite(stack.planes).all()
    assert np.isfinite(stack.disparity_px).all()
    low, high = scene.range_px
    assert low - 1e-3 <= stack.disparity_px.min() <= stack.disparity_px.max() <= high + 1e-3


def test_the_hidden_part_of_a_scene_is_filled_to_the_canvas(pictures):
    light = paint(pictures, 96, 0.5, np.random.default_rng(1))
    assert light.shape == (96, 96, 3)
    assert light.min() >= 0


@pytest.mark.parametrize("seed", range(8))
def test_reliefs_never_hide_themselves(seed):
    drawn = relief(128, 2.0, 30.0, np.random.default_rng(seed))
    if isinstance(drawn, np.ndarray):
        steepest = np.hypot(*np.gradient(drawn)).max() * 2
        assert steepest <= STEEPEST * 1.01
        assert drawn.dtype == np.float32


def test_planes_lie_between_the_same_ends_however_many():
    few = SceneParameters(fewest_planes=2, most_planes=2, uneven=0.0)
    many = SceneParameters(fewest_planes=200, most_planes=200, uneven=1.0)
    for parameters, count in ((few, 2), (many, 200)):
        lens = draw_lens(parameters, np.random.default_rng(5))
        steps = -np.diff(lens.disparities_px)
        assert len(lens.disparities_px) == count
        assert (steps > 0).all()
        assert lens.disparities_px[0] == pytest.approx(-lens.disparities_px[-1])
    assert steps.max() > 1.5 * steps.min()


def test_a_seed_gives_the_same_pixels_and_a_file_keeps_them(pictures, tmp_path):
    first, second, other = (render(pictures, seed, SMALL) for seed in (4, 4, 5))
    assert np.array_equal(first.planes, second.planes)
    assert first.planes.shape != other.planes.shape or (first.planes != other.planes).any()
    save(first, tmp_path / "scene.npz")
    kept = load(tmp_path / "scene.npz")
    for name, value in vars(first).items():
        assert np.array_equal(getattr(kept, name), value)
