"""Results as OME-Zarr."""

import sys

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)
CHANNELS = (Channel("DAPI", (0, 0, 1)), Channel("GFP", (0, 1, 0)), Channel("red", (1, 0, 0)))


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("YX", (70, 101)),
        ("YXS", (70, 101, 3)),
        ("CTYX", (3, 2, 70, 101)),
        ("TYXS", (2, 70, 101, 3)),
    ],
)
def test_a_zarr_written_in_any_order_is_the_image_in_the_order_of_ngff(
    form_of, write, tmp_path, small_tiles, axes, shape
):
    zarr = pytest.importorskip("zarr")
    data, path = noise(*shape), tmp_path / "fused.ome.zarr"
    form = form_of(data, axes, channels=CHANNELS if "C" in axes else ())
    made = record({"psf": 2.0}, weights={})

    write(path, data, form, made)

    group = zarr.open_group(path, mode="r")
    stored = axes.replace("S", "C")
    order = [stored.index(axis) for axis in "TCZYX" if axis in stored]
    np.testing.assert_array_equal(group["0"][:], data.transpose(order))
    assert group.metadata.zarr_format == 3
    assert group.attrs["napari-focusstack"]["record"] == made
    told = group.attrs["ome"]
    (image,) = told["multiscales"]
    assert (told["version"], image["name"]) == ("0.5", "fused")
    units = {"t": "second", "y": "micrometer", "x": "micrometer"}
    assert {axis["name"]: axis.get("unit") for axis in image["axes"]} == {
        axis: units.get(axis) for axis in "tcyx" if axis.upper() in stored
    }
    assert [axis["type"] for axis in image["axes"]][-2:] == ["space", "space"]
    assert group["0"].chunks[-2:] == (32, 32)
    (level,) = image["datasets"]
    assert group[level["path"]].shape == tuple(data.shape[axis] for axis in order)
    (transformation,) = level["coordinateTransformations"]
    assert transformation["scale"][-2:] == [0.5, 0.25]
    if "C" in axes:
        assert [one["color"] for one in told["omero"]["channels"]] == ["0000FF", "00FF00", "FF0000"]
        assert told["omero"]["channels"][1]["label"] == "GFP"
        window = told["omero"]["channels"][2]["window"]
        assert (window["start"], window["end"]) == (data[2].min(), data[2].max())
    assert [one.name for one in tmp_path.iterdir()] == ["fused.ome.zarr"]


def test_an_older_zarr_is_replaced_and_another_folder_never(form_of, write, tmp_path):
    zarr = pytest.importorskip("zarr")
    data, path = noise(30, 50), tmp_path / "fused.zarr"
    write(path, data, form_of(data, "YX"))
    write(path, data + 1, form_of(data, "YX"))
    np.testing.assert_array_equal(zarr.open_group(path, mode="r")["0"][:], data + 1)

    photos = tmp_path / "photos.zarr"
    photos.mkdir()
    (photos / "dear.txt").touch()
    with pytest.raises(InputError, match="is there and no Zarr group; choose another name"):
        write(photos, data, form_of(data, "YX"))
    assert (photos / "dear.txt").exists()


def test_without_zarr_it_is_said_what_to_install(form_of, write, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match=r"needs the package zarr 3; pip install"):
        write(tmp_path / "out.zarr", noise(30, 50), form_of(noise(30, 50), "YX"))
