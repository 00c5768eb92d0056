"""A result is the same, bit for bit, whatever the memory and the size of tiles."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch import series
from napari_focusstack.batch.series import fuse_stack
from napari_focusstack.fusion.least_memory import least_bytes, least_bytes_of_tiles
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.plane_store import PlaneStore
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.samples.pair import sample_pair
from napari_focusstack.samples.stacks import microscopy_stack

OUTPUTS = ("image", "initial", "source", "labels", "depth", "confidence")
SIZE = (192, 256)


def bytes_of_outputs(path, folder, tile_px, budget_bytes):
    folder.mkdir()
    (header,) = find_stacks([path])
    outputs = {name: folder / f"{name}.tif" for name in OUTPUTS}
    parameters = replace(FuseParameters(device="cpu"), tile_px=tile_px)
    fuse_stack(header, outputs, parameters, sources={}, budget_bytes=budget_bytes)
    return {name: tifffile.imread(path).tobytes() for name, path in outputs.items()}


@pytest.mark.parametrize("kind", ["pair", "stack"])
def test_outputs_do_not_depend_on_memory_and_tiles(tmp_path, kind, monkeypatch):
    backings = []

    def store(header, place, budget_bytes, progress):  # the second in a scratch file
        planes = PlaneStore(header, place, 0 if backings else budget_bytes, progress)
        backings.append(planes.backing)
        return planes

    monkeypatch.setattr(series, "PlaneStore", store)
    planes = sample_pair(SIZE)[:2] if kind == "pair" else microscopy_stack(SIZE)[:6]
    about = {"axes": "ZYXS"} if kind == "pair" else {"axes": "ZYX"}
    path = tmp_path / "planes.tif"
    tifffile.imwrite(path, np.stack(planes), compression="deflate", metadata=about)
    least = 2 * least_bytes_of_tiles(len(planes), SIZE)
    assert least >= least_bytes(len(planes), SIZE)
    first, second = (
        bytes_of_outputs(path, tmp_path / str(tile_px), tile_px, budget_bytes)
        for tile_px, budget_bytes in ((1024, None), (64, least))
    )
    assert first == second
    assert backings == ["memory", "scratch"]
