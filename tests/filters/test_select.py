"""One of two or of many in each pixel."""

import numpy as np
import pytest
import torch

from napari_focusstack.filters.select import blend, select_planes, unique_values


def test_one_of_two_is_chosen_to_the_last_bit():
    generator = torch.Generator().manual_seed(0)
    yes, no = (1e3 * torch.randn(2, 3, 40, 50, generator=generator)).unbind()
    where = torch.rand(1, 40, 50, generator=generator) > 0.3
    assert torch.equal(blend(where, yes, no), torch.where(where, yes, no))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float16", "float64"])
@pytest.mark.parametrize("colours", [(), (3,)])
def test_each_pixel_is_that_of_the_plane_its_label_names(dtype, colours):
    planes = (np.random.default_rng(0).random((4, 20, 30, *colours)) * 200).astype(dtype)
    labels = np.random.default_rng(1).integers(0, 3, (20, 30))
    image = select_planes(labels, lambda number: planes[number])
    rows, columns = np.indices(labels.shape)
    np.testing.assert_array_equal(image, planes[labels, rows, columns])
    assert image.dtype == dtype


def test_planes_that_no_label_names_are_not_read_and_none_is_written_to():
    planes = {1: np.full((2, 2), 10, np.uint8), 7: np.full((2, 2), 70, np.uint8)}
    for plane in planes.values():
        plane.flags.writeable = False
    image = select_planes(np.array([[1.0, 7.0], [7.0, 1.0]]), lambda number: planes[number])
    assert image.tolist() == [[10, 70], [70, 10]]


def test_the_few_values_are_found_sorted():
    values = torch.tensor([[3.0, 1.5, 3.0], [-2.0, 1.5, 0.0]])
    assert unique_values(values) == unique_values(values.numpy()) == [-2.0, 0.0, 1.5, 3.0]
    assert unique_values(torch.empty(0)) == []
