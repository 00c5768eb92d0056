"""Images as textures of 8 bits."""

import numpy as np

from napari_focusstack.surface.surface import display

SIDE = 64


def test_a_texture_of_16_bits_is_stretched_to_what_can_be_seen():
    image = np.linspace(1000, 3000, SIDE**2).reshape(SIDE, SIDE).astype(np.uint16)
    stretched = display(image)
    assert stretched.dtype == np.uint8
    assert (stretched[0, 0], stretched[-1, -1]) == (0, 255)
    assert abs(int(stretched[SIDE // 2, 0]) - 128) <= 8  # the range is taken from a sample
    assert np.array_equal(display((image / 4000).astype(np.float32)), stretched)
    assert (display(np.full((8, 8), 5, np.uint16)) == 0).all()
