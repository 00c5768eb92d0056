"""Images at half their size, and back."""

import pytest
import torch

from napari_focusstack.imaging.half_size import doubled, halved, halved_sigma


@pytest.mark.parametrize("size", [(8, 10), (7, 10), (8, 9), (7, 9)])
def test_a_plane_comes_back_at_its_size(size):
    """Away from the border, halving and doubling keep what rises linearly."""
    rows, columns = torch.meshgrid(*(torch.arange(float(n)) for n in size), indexing="ij")
    image = (0.5 + 2 * rows - 3 * columns).expand(2, *size)
    half = halved(image)
    assert half.shape == (2, *(-(-n // 2) + 2 for n in size))
    again = doubled(half, size)
    inner = (slice(None), slice(2, -3), slice(2, -3))
    torch.testing.assert_close(again[inner], image[inner])


def test_each_pixel_of_the_half_is_the_mean_of_four():
    image = torch.arange(16.0).reshape(4, 4)
    # one more pixel on each side continues the border
    assert halved(image)[1:-1, 1:-1].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_halving_and_doubling_blur_by_a_variance_of_one():
    """They spread an impulse with a variance of 1 px^2, on average over its place in a cell."""
    variances = []
    for column in (20, 21):
        image = torch.zeros(1, 40)
        image[0, column] = 1
        profile = doubled(halved(image.expand(6, 40)), (6, 40))[3]
        offsets = torch.arange(40.0)
        centre = (profile * offsets).sum() / profile.sum()
        variances.append(float((profile * (offsets - column) ** 2).sum() / profile.sum()))
        assert abs(float(centre) - column) <= 0.5
    assert sum(variances) / 2 == pytest.approx(1.0, abs=0.01)


def test_what_is_left_of_a_sigma_is_counted_in_pixels_of_twice_the_size():
    assert halved_sigma(torch.tensor([1.0, 0.5])).tolist() == [0, 0]
    assert float(halved_sigma(torch.tensor(5.0))) == pytest.approx(24**0.5 / 2)
