"""Focus measures fall with blur, at every size of detail."""

import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.networks.focus_measures import FocusMeasures, WideMeasures, greatest_of


def detail(seed=0):
    return torch.rand(1, 64, 96, generator=torch.Generator().manual_seed(seed))


def test_every_measure_falls_with_blur():
    sharp = detail()
    for kind in (FocusMeasures, WideMeasures):
        for one, blurred in zip(kind.of(sharp), kind.of(smooth(sharp, 3.0)), strict=True):
            assert (one > blurred).float().mean() > 0.95


def test_the_greatest_of_planes_is_that_of_each_pixel():
    planes = [FocusMeasures.of(detail(seed)) for seed in range(3)]
    greatest = greatest_of(planes)
    torch.testing.assert_close(
        greatest.broad, torch.stack([each.broad for each in planes]).amax(0), atol=0, rtol=0
    )


def test_logs_are_bounded_where_nothing_is_to_be_seen():
    floor = torch.full((1, 1, 1), 0.01)
    flat = torch.full((1, 64, 64), 0.5)
    assert FocusMeasures.of(flat).log(floor).least.allclose(torch.log(floor / 2))
    assert WideMeasures.of(flat).log(floor).eighth.allclose(torch.log(floor / 16))
