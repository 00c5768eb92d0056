"""Rendered scenes on disk."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.pool import PooledScene, coded, load, save


def test_light_is_coded_as_srgb_in_16_bits_and_clipped():
    steps = coded(np.array([-0.1, 0.0, 0.2140411, 1.0, 3.0]))
    assert steps.dtype == np.uint16
    assert steps == pytest.approx([0, 0, 32768, 65535, 65535], abs=1)


def test_a_scene_comes_back_as_it_was_saved(tmp_path):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 65536, (3, 8, 9, 3), np.uint16)
    scene = PooledScene(
        pixels, pixels[0], np.ones((8, 9), np.float16), np.array([2, 0, -2], np.float32)
    )
    save(scene, tmp_path / "scene.npz")
    again = load(tmp_path / "scene.npz")
    for name in ("planes", "truth", "disparity_px", "disparities_px"):
        assert np.array_equal(getattr(again, name), getattr(scene, name)), name
    assert [path.name for path in tmp_path.iterdir()] == ["scene.npz"]
