"""Values of the nearest pixel that is present."""

import torch

from napari_focusstack.filters.nearest import nearest_values


def test_each_pixel_takes_the_value_of_the_nearest_present_one():
    values = torch.arange(10.0).reshape(2, 1, 5)
    present = torch.tensor([[[False, True, False, False, True]]])
    found, away_px = nearest_values(values, present)
    assert found.tolist() == [[[1, 1, 1, 4, 4]], [[6, 6, 6, 9, 9]]]
    assert away_px.tolist() == [[[1, 0, 1, 1, 0]]]


def test_distances_are_euclidean_to_a_few_percent():
    present = torch.zeros(1, 41, 41, dtype=torch.bool)
    present[0, 20, 20] = True
    found, away_px = nearest_values(torch.full((1, 41, 41), 7.0), present)
    y, x = torch.meshgrid(torch.arange(41) - 20, torch.arange(41) - 20, indexing="ij")
    assert (found == 7).all()
    torch.testing.assert_close(away_px[0], torch.hypot(y.float(), x.float()), rtol=0.03, atol=0.03)
