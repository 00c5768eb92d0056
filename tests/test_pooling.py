"""Pooling gives what torch's gives."""

import pytest
import torch
import torch.nn.functional as functional

from napari_focusstack.pooling import mean_of_nine, pooled


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
    torch.testing.assert_close(mean_of_nine(images), functional.avg_pool2d(outside, 3, 1))
