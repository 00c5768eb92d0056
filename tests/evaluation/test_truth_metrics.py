"""PSNR, SSIM and mean IoU against values worked out by hand."""

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.truth_metrics import mean_iou, psnr, ssim


def texture(seed=0, size=128):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((size, size)), 1)
    noise -= noise.min()
    return np.rint(255 * noise / noise.max()).astype(np.uint8)


def blurred(image):
    return ndimage.gaussian_filter(image, 3)


@pytest.mark.parametrize(
    ("dtype", "offset", "data_range"), [("uint8", 51, 255), ("uint16", 51, 65535), ("f4", 0.25, 1)]
)
def test_psnr_of_a_constant_offset_follows_from_the_data_range(dtype, offset, data_range):
    truth = np.full((8, 9, 3), 0.5 if dtype == "f4" else 100, dtype)
    image = (truth + offset).astype(dtype)
    assert psnr(image, truth) == pytest.approx(20 * np.log10(data_range / offset), abs=1e-6)
    assert psnr(truth, image) == psnr(image, truth)  # unsigned differences do not wrap


def test_psnr_of_identical_images_is_infinite():
    assert psnr(texture(), texture()) == np.inf


def test_psnr_of_a_region_sees_the_region_only():
    truth = np.zeros((8, 8, 3), np.uint8)
    image = truth.copy()
    image[:, :4] = 51
    left = np.zeros((8, 8), bool)
    left[:, :4] = True
    assert psnr(image, truth, left) == pytest.approx(13.9794, abs=1e-4)
    assert psnr(image, truth, ~left) == np.inf
    assert psnr(image, truth) == pytest.approx(13.9794 + 10 * np.log10(2), abs=1e-4)


def test_ssim_of_two_constants_is_its_luminance_term():
    a, b, c1 = 100, 150, (0.01 * 255) ** 2
    image, truth = np.full((16, 16, 3), a, np.uint8), np.full((16, 16, 3), b, np.uint8)
    expected = (2 * a * b + c1) / (a**2 + b**2 + c1)
    assert ssim(image, truth) == pytest.approx(expected, abs=1e-6)


def test_ssim_is_one_for_itself_and_falls_with_blur():
    image = texture()
    assert ssim(image, image) == pytest.approx(1)
    assert ssim(blurred(image), image) < 0.5


def test_mean_iou_matches_a_count_by_hand():
    truth = np.array([[1, 1, 0], [1, 0, 0]], bool)
    mask = np.array([[1, 0, 0], [1, 1, 0]], bool)
    assert mean_iou(mask, truth) == pytest.approx((2 / 4 + 2 / 4) / 2)
    mask[1, 1] = False
    assert mean_iou(mask, truth) == pytest.approx((2 / 3 + 3 / 4) / 2)


def test_mean_iou_counts_a_class_absent_from_both_as_correct():
    empty = np.zeros((4, 4), bool)
    assert mean_iou(empty, empty) == 1
    assert mean_iou(~empty, ~empty) == 1
    assert mean_iou(empty, ~empty) == 0
    one = empty.copy()
    one[0, 0] = True
    assert mean_iou(one, empty) == pytest.approx(15 / 16 / 2)


def test_masks_and_regions_that_do_not_fit_are_refused():
    image, mask = np.zeros((4, 5), np.uint8), np.ones((4, 5), bool)
    with pytest.raises(InputError, match="no pixel"):
        psnr(image, image, ~mask)
    with pytest.raises(InputError, match=r"region is bool \(5, 4\)"):
        psnr(image, image, mask.T)
    with pytest.raises(InputError, match="mask is uint8"):
        mean_iou(image, mask)
    with pytest.raises(InputError, match=r"mask is bool \(5, 4\)"):
        mean_iou(mask.T, mask)
