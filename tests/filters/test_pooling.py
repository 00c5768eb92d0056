"""Pooling gives what torch's gives."""

import pytest
import torch
import torch.nn.functional as functional

from napari_focusstack.filters.pooling import box3, box_filter, doubled, max_filter, opened, pooled


@pytest.fixture
def images():
    return torch.rand(2, 3, 48, 80, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("factor", [1, 2, 4, 16])
def test_a_cell_is_its_mean_or_its_greatest_pixel(images, factor):
    torch.testing.assert_close(pooled(images, factor), functional.avg_pool2d(images, factor))
    greatest = pooled(images, factor, torch.maximum)
    assert torch.equal(greatest, functional.max_pool2d(images, factor))


def test_the_mean_of_nine_goes_on_beyond_the_border(images):
    outside = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    torch.testing.assert_close(box3(images), functional.avg_pool2d(outside, 3, 1))


def test_the_greatest_of_nine_is_of_those_that_there_are(images):
    for signed in (images, -images):
        assert torch.equal(max_filter(signed), functional.max_pool2d(signed, 3, 1, 1))


@pytest.mark.parametrize("side", [1, 3, 5, 17, 99])
def test_the_mean_of_a_square_is_of_those_that_there_are(images, side):
    expected = functional.avg_pool2d(images, side, 1, side // 2, count_include_pad=False)
    torch.testing.assert_close(box_filter(images, side), expected)


def test_doubling_is_bilinear_interpolation():
    images = torch.rand(3, 6, 9)
    expected = functional.interpolate(images[None], scale_factor=2, mode="bilinear")[0]
    assert torch.allclose(doubled(images), expected, atol=1e-6)
    traced = images.clone().requires_grad_()
    assert torch.allclose(doubled(traced), expected, atol=1e-6)


def test_an_opening_leaves_what_is_as_wide_as_the_square_with_its_corners():
    image = torch.zeros(1, 20, 30)
    image[:, 3:5, 2:20] = 1  # narrower
    image[:, 8:13, 10:17] = 1
    wide = image.clone()
    wide[:, :8] = 0
    assert torch.equal(opened(image, 5), wide)
