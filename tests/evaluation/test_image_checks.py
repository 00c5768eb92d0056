"""Images that cannot be compared."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.fusion_metrics import q_mi, q_y
from napari_focusstack.evaluation.truth_metrics import psnr, ssim


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((16, 15), np.uint8), "one shape"),
        (np.zeros((16, 16), np.uint16), "one shape and dtype"),
        (np.zeros((16, 16), np.float64), "float64"),
        (np.zeros((16, 16, 4), np.uint8), r"\(16, 16, 4\)"),
        (np.full((16, 16), np.nan, np.float32), "NaN"),
    ],
)
def test_images_that_do_not_fit_are_refused(image, reason):
    for compare in (psnr, ssim, lambda a, b: q_mi(a, a, b)):
        with pytest.raises(InputError, match=reason):
            compare(np.zeros((16, 16), np.uint8), image)


def test_images_smaller_than_the_window_are_refused():
    small = np.zeros((6, 20), np.uint8)
    with pytest.raises(InputError, match="6 x 20 px; give at least 7"):
        q_y(small, small, small)
    with pytest.raises(InputError, match="at least 11"):
        ssim(small, small)
