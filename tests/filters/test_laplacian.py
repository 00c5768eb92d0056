"""The Laplacian against the second derivatives of polynomials."""

import torch

from napari_focusstack.filters.laplacian import laplacian


def test_a_paraboloid_has_its_second_derivatives():
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(9.0), indexing="ij")
    image = (3 * x**2 - y**2 + 5 * x * y + 7)[None, None]
    assert (laplacian(image)[..., 1:-1, 1:-1] == 2 * 3 - 2).all()


def test_one_pixel_spreads_to_its_four_neighbours_and_borders_go_on():
    image = torch.zeros(1, 1, 3, 4)
    image[..., 0, 0] = 1
    # the two neighbours beyond the border are copies of the pixel itself
    assert laplacian(image)[0, 0].tolist() == [[-2, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
