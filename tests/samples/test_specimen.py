"""The layers of the sample pair: two sharp pictures and the alpha of the specimen."""

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.samples.specimen import sample_layers


@pytest.fixture(scope="module")
def layers():
    return sample_layers()


def test_layers_are_float32_from_0_to_1_at_the_size_asked_for(layers):
    foreground, alpha, background = layers

    assert foreground.shape == background.shape == (384, 512, 3)
    assert alpha.shape == (384, 512)
    for layer in layers:
        assert layer.dtype == np.float32
        assert layer.min() >= 0
        assert layer.max() <= 1


@pytest.mark.parametrize("size", [(96, 128), (75, 200), (90, 60)])
def test_any_size_is_filled(size):
    foreground, alpha, background = sample_layers(size)

    assert foreground.shape == background.shape == (*size, 3)
    assert alpha.max() == 1
    assert not alpha[0].any()
    assert not alpha[-1].any()


def test_edges_are_antialiased(layers):
    _, alpha, _ = layers

    soft = (alpha > 0.05) & (alpha < 0.95)

    assert 0.01 < soft.mean() < 0.05


def test_specimen_has_a_hole_and_thin_bristles(layers):
    _, alpha, _ = layers
    mask = alpha > 0.5

    _, regions = ndimage.label(~mask)
    bristles = mask & ~ndimage.binary_opening(mask, np.ones((5, 5)))

    assert regions >= 2
    assert bristles.sum() > 500


def test_both_layers_are_sharp(layers):
    foreground, alpha, background = layers

    for layer, where in ((foreground, alpha == 1), (background, alpha == 0)):
        grey = layer.mean(axis=-1)
        assert (grey - ndimage.gaussian_filter(grey, 1))[where].std() > 0.015


def test_scene_is_the_same_every_time():
    for first, again in zip(sample_layers((24, 32)), sample_layers((24, 32)), strict=True):
        np.testing.assert_array_equal(first, again)
