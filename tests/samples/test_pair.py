"""The sample pair: planes and truth of the sample layers."""

import numpy as np
from scipy import ndimage

from napari_focusstack.samples.pair import sample_pair
from napari_focusstack.samples.specimen import sample_layers

SIZE = (96, 128)


def error(a, b):
    return np.abs(a.astype(int) - b)


def test_the_near_plane_shows_the_foreground_and_the_far_plane_the_background():
    near, far, truth = sample_pair(SIZE, sigma_px=2.0)
    assert all((i.shape, i.dtype) == ((*SIZE, 3), np.uint8) for i in (near, far, truth))
    alpha = sample_layers(SIZE)[1]
    covered, away = alpha == 1, ndimage.maximum_filter(alpha, 17) == 0
    assert covered.sum() > 500
    assert away.sum() > 100
    assert error(near, truth)[covered].max() <= 1
    assert error(far, truth)[away].max() <= 1
    # where neither surface is alone, each plane differs from the truth
    assert error(far, truth)[~away].mean() > 2
    assert error(near, truth)[alpha == 0].mean() > 2


def test_a_wider_blur_leaves_more_error():
    errors = [error(far, truth).mean() for _, far, truth in (sample_pair(SIZE, s) for s in (1, 4))]
    assert errors[1] > 1.3 * errors[0]
