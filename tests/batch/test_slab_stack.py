"""Slabs of a file are a file with an axis Z, whose planes lie where their slabs do."""

import numpy as np
import pytest
import tifffile

import napari_focusstack as nfs
from napari_focusstack.batch.slab_stack import slab_stack
from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.plane_store import focal_stack
from napari_focusstack.parameters import FuseParameters

PLAIN = {"elimination": "none", "device": "cpu"}


@pytest.fixture(scope="module")
def planes(make_focal_stack):
    return np.stack(make_focal_stack(7, 1.0, seed=2).planes("uint16", grey=True))


def made_of(path, out, slab=(3, 1), **options):
    stack = focal_stack(path)
    return slab_stack(stack, out, FuseParameters(**PLAIN, **options), slab, sources={})


def test_slabs_lie_at_the_middle_of_their_planes(tmp_path, planes):
    about = {"axes": "ZYX", "spacing": 0.5, "unit": "um"}
    tifffile.imwrite(tmp_path / "s.tif", planes, imagej=True, metadata=about)
    record = made_of(tmp_path / "s.tif", tmp_path / "out.tif")
    made = focal_stack(tmp_path / "out.tif")
    assert (made.axes, made.shape) == ("ZYX", (3, 96, 96))
    assert (made.scale[0], made.units[0], made.positions) == (1.0, "um", (0.5, 1.5, 2.5))
    assert record["slabs"] == {"size": 3, "overlap": 1, "planes": [[1, 3], [3, 5], [5, 7]]}
    pixels = tifffile.imread(tmp_path / "out.tif")
    for image, slab in zip(pixels, nfs.fuse_slabs(planes, 3, 1, **PLAIN), strict=True):
        np.testing.assert_array_equal(image, slab.image)


def test_uneven_positions_are_kept(tmp_path, planes):
    z = [0.0, 1, 2, 4, 6, 10, 14]
    about = {"axes": "ZYX", "Plane": {"PositionZ": z, "PositionZUnit": ["um"] * 7}}
    tifffile.imwrite(tmp_path / "s.ome.tif", planes, metadata=about)
    made_of(tmp_path / "s.ome.tif", tmp_path / "out.tif")
    assert focal_stack(tmp_path / "out.tif").positions == (1.0, 4.0, 10.0)


def test_time_points_and_channels_are_kept(tmp_path, planes):
    data = np.stack([planes, planes + 100])[:, :, None].repeat(2, 2)
    tifffile.imwrite(tmp_path / "s.ome.tif", data, metadata={"axes": "TZCYX"})
    made_of(tmp_path / "s.ome.tif", tmp_path / "out.tif", (4, 1))
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        axes, shape = tiff.series[0].axes, tiff.series[0].shape
        pixels = tiff.series[0].asarray()
    assert dict(zip(axes, shape, strict=True)) == {"T": 2, "Z": 2, "C": 2, "Y": 96, "X": 96}
    one = np.moveaxis(pixels, axes.index("C"), 0)
    np.testing.assert_array_equal(one[0], one[1])


def test_an_image_cannot_hold_slabs(tmp_path, planes):
    tifffile.imwrite(tmp_path / "s.tif", planes, metadata={"axes": "ZYX"})
    with pytest.raises(InputError):
        made_of(tmp_path / "s.tif", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_slabs_are_cropped_alike_at_all_time_points(tmp_path, planes):
    data = np.stack([planes, planes]).astype(np.float32)
    data[0, 0, :7] = data[1, -1, :, :5] = np.nan
    about = {"axes": "TZYX", "PhysicalSizeY": 0.5, "PhysicalSizeX": 0.25}
    tifffile.imwrite(tmp_path / "s.ome.tif", data, metadata=about)
    made_of(tmp_path / "s.ome.tif", tmp_path / "whole.tif")
    record = made_of(tmp_path / "s.ome.tif", tmp_path / "cut.tif", crop=True)
    whole, cut = (tifffile.imread(tmp_path / f"{name}.tif") for name in ("whole", "cut"))
    assert record["slabs"]["crop"] == [[7, 96], [5, 96]]
    np.testing.assert_array_equal(cut, whole[..., 7:, 5:])
    with pytest.raises(InputError, match=r"use \.tif, \.tiff"):
        made_of(tmp_path / "s.ome.tif", tmp_path / "cut.gif", crop=True)
