"""Results that are kept whole until it is known which part a file holds."""

import numpy as np
import pytest
import tifffile

from napari_focusstack.io.writing.result_file import result_file
from napari_focusstack.io.writing.result_scratch import ScratchResult

REGION = np.s_[3:20, 10:48]


@pytest.fixture
def data():
    return np.random.default_rng(0).integers(0, 60000, (2, 30, 50), np.uint16)


def test_a_part_of_each_plane_is_written_with_its_position(data, form_of, tmp_path):
    form, path = form_of(data, "TYX"), tmp_path / "part.tif"
    part = form.cropped(REGION)
    assert part.shape == (2, 17, 38)
    assert part.translate == {"Y": 1.5, "X": 2.5}
    with ScratchResult(form) as whole, result_file(path, part) as file:
        for time in (1, 0):
            whole.write(data[time], at={"T": time})
        whole.finish()
        whole.write_to(file, REGION)
    np.testing.assert_array_equal(tifffile.imread(path), data[:, 3:20, 10:48])
    with tifffile.TiffFile(path) as tiff:
        metadata = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]["Plane"]
    assert [(plane["PositionY"], plane["PositionX"]) for plane in metadata] == [(1.5, 2.5)] * 2


def test_the_position_is_that_of_the_part_of_a_part(data, form_of):
    part = form_of(data, "TYX").cropped(REGION).cropped(np.s_[1:5, 0:9])
    assert part.shape == (2, 4, 9)
    assert part.translate == {"Y": 2.0, "X": 2.5}


def test_a_zarr_has_the_position_as_a_translation(data, form_of, write, tmp_path):
    zarr = pytest.importorskip("zarr")
    form = form_of(data, "TYX").cropped(REGION)
    write(tmp_path / "part.zarr", data[:, *REGION], form)
    group = zarr.open_group(tmp_path / "part.zarr", mode="r")
    (described,) = group.attrs["ome"]["multiscales"][0]["datasets"]
    assert described["coordinateTransformations"] == [
        {"type": "scale", "scale": [30.0, 0.5, 0.25]},
        {"type": "translation", "translation": [0.0, 1.5, 2.5]},
    ]
