"""OpenCV and torch filter alike."""

import numpy as np
import pytest
import torch

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.opencv import for_opencv, look_up
from napari_focusstack.filters.pooling import doubled, max_filter, pooled


def test_gradients_and_integers_are_left_to_torch():
    image = torch.rand(1, 1, 8, 8)
    assert for_opencv(image)
    assert not for_opencv(image.requires_grad_())
    assert not for_opencv(image.detach(), image)
    with torch.no_grad():
        assert for_opencv(image)
    assert not for_opencv(torch.ones(1, 8, 8, dtype=torch.int32))
    assert not for_opencv(torch.ones(1, 8, 8, device="meta"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "work",
    [
        laplacian,
        lambda image: pooled(image, 4),
        lambda image: doubled(image[0]),
        lambda image: max_filter(image, 7),
    ],
)
def test_both_give_the_same(work, dtype):
    image = torch.rand(2, 3, 24, 40, dtype=dtype, generator=torch.Generator().manual_seed(0))
    traced = work(image.clone().requires_grad_())
    torch.testing.assert_close(work(image), traced.detach(), atol=1e-6, rtol=0)
    part = image[..., 4:20, 8:32]  # not contiguous
    torch.testing.assert_close(work(part), work(part.contiguous()), atol=0, rtol=0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_value_is_looked_up(dtype):
    index = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(16, -1)[::-1].copy()
    table = np.random.default_rng(0).random(index.size).astype(np.float32)
    out = np.empty(index.shape, np.float32)
    look_up(table, index, out)
    np.testing.assert_array_equal(out, table[index])
