"""What is measured band by band is what the whole plane has."""

import numpy as np
import pytest
import torch

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.planes import bands
from napari_focusstack.planes.bands import grey_and_detail


@pytest.mark.parametrize("shape", [(70, 45), (64, 48, 3), (33, 40, 3)])
def test_bands_are_those_of_the_whole_plane(shape, focal_stack_of, monkeypatch):
    monkeypatch.setattr(bands, "BAND_PIXELS", 48 * 20)
    chance = np.random.default_rng(0)
    stack = focal_stack_of(list(chance.integers(0, 60000, (2, *shape), np.uint16)))
    found = list(grey_and_detail(stack, 2, 16))
    assert len(found) == shape[0] // 16
    grey = stack.display(2, stack.full).mean(0)[None, None]
    rows = shape[0] // 16 * 16
    for whole, parts in zip((grey, laplacian(grey).abs()), zip(*found, strict=True), strict=True):
        torch.testing.assert_close(torch.cat(parts, 2), whole[..., :rows, :], rtol=0, atol=1e-5)
