"""Stacks in files, and batches that are resumed."""

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch.batch import batch


@pytest.fixture
def stack(make_scene):
    """Makes the planes of a small grey pair, (2, Y, X): stack(seed)."""
    return lambda seed=0: np.stack(make_scene(2.0, side=64, seed=seed).planes("uint16", grey=True))


@pytest.fixture
def sources(tmp_path, stack):
    """Three stacks in a folder, the one in the middle truncated."""
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"s{number}.tif" for number in (1, 2, 10)]
    for seed, path in enumerate(paths):
        tifffile.imwrite(path, stack(seed), metadata={"axes": "ZYX"})
    paths[1].write_bytes(paths[1].read_bytes()[:-3000])
    return paths


@pytest.fixture
def statuses():
    """Resumes a batch: statuses(sources, folder, parameters) in the order of the sources."""

    def statuses(sources, *args, **options):
        outcomes = batch(sources, *args, resume=True, **options)
        found = {outcome.source: outcome.status for outcome in outcomes}
        return [found[source] for source in sources]

    return statuses


@pytest.fixture
def zarr_array():
    """Reads the pixels of an OME-Zarr: zarr_array(path)."""
    zarr = pytest.importorskip("zarr")
    return lambda path: zarr.open_group(path, mode="r")["0"][:]
