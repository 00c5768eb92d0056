"""A mask as bytes."""

import numpy as np
import pytest

from napari_focusstack.io.bit_mask import mask_from_bytes, mask_to_bytes


@pytest.mark.parametrize("shape", [(5, 7), (2, 1, 16, 9)])
def test_a_mask_comes_back_whole(shape):
    mask = np.random.default_rng(3).random(shape) > 0.5
    np.testing.assert_array_equal(mask_from_bytes(mask_to_bytes(mask), shape), mask)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match="not of the shape"):
        mask_from_bytes(mask_to_bytes(np.ones((9, 9), bool)), (40, 40))
