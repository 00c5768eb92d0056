"""Maps of planes are read as they were written, from memory or from a scratch file."""

import numpy as np
import pytest
import torch

from napari_focusstack.source.plane_maps import PlaneMaps

CPU = torch.device("cpu")
SHAPE = (3, 2, 40, 56)


@pytest.fixture
def values():
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)).half().float()


@pytest.mark.parametrize("most_bytes", [0, 2**20])
def test_parts_are_read_as_they_were_written(values, most_bytes):
    with PlaneMaps(SHAPE, CPU, most_bytes) as maps:
        for rows in (np.s_[0:16], np.s_[16:40]):
            maps.write_all((rows, np.s_[0:56]), values[:, :, rows])
        where = np.s_[10:30, 5:50]
        assert torch.equal(maps.read_all(where), values[..., *where])
        assert torch.equal(maps.read(2, where), values[2][:, *where])
        assert (len(maps), maps.size) == (3, (40, 56))


def test_more_than_is_allowed_lies_in_a_file(monkeypatch):
    sizes = []
    monkeypatch.setattr(torch, "empty", lambda shape, **_: sizes.append(shape))
    needed = 2 * np.prod(SHAPE)
    PlaneMaps(SHAPE, CPU, needed - 1).close()
    assert not sizes
    PlaneMaps(SHAPE, CPU, needed).close()
    assert sizes == [SHAPE]
