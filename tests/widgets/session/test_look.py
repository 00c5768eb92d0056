import numpy as np
from napari.layers import Image

from napari_focusstack.widgets.session.look import Look


def test_grey_pixels_have_the_contrast_gamma_and_colours_of_the_layer():
    layer = Image(np.zeros((4, 4), np.uint16), contrast_limits=(100, 300), colormap="green")
    layer.gamma = 2.0
    shown = Look.of(layer).colours(np.array([[0, 100, 200, 300, 999]], np.uint16))
    np.testing.assert_array_equal(shown[0, :, 0], 0)
    np.testing.assert_allclose(shown[0, :, 1], [0, 0, 63, 255, 255], atol=1)


def test_colours_are_shown_as_they_are():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    look = Look.of(Image(pixels, rgb=True))
    np.testing.assert_array_equal(look.colours(pixels), pixels)
    np.testing.assert_array_equal(look.colours(pixels.astype(np.uint16) * 257), pixels)
    np.testing.assert_allclose(look.colours(pixels / np.float32(255)), pixels, atol=1)


def test_a_value_that_is_no_number_is_dark():
    look = Look.of(Image(np.zeros((2, 2), np.float32), contrast_limits=(0, 1)))
    np.testing.assert_array_equal(look.colours(np.array([[np.nan, 1.0]], np.float32))[0, 0], 0)
