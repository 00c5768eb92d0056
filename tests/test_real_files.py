"""A file that Nikon's program wrote, at every entrance of the package.

`data/cluster.nd2.xz` is the sample of the package pims_nd2 (copyright 2015 PIMS contributors, BSD
3-clause licence, https://github.com/soft-matter/pims_nd2).
"""

import lzma
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from npe2 import PluginManager

import napari_focusstack as nfs
from napari_focusstack.commands.main import main
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.stack_pixels import pixels

nd2 = pytest.importorskip("nd2")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    packed = Path(__file__).parent / "data" / "cluster.nd2.xz"
    path = tmp_path_factory.mktemp("nikon") / "cluster.nd2"
    path.write_bytes(lzma.decompress(packed.read_bytes()))
    return path


def test_the_header_tells_axes_scale_and_channels(path):
    (stack,) = find_stacks([path])
    assert (stack.axes, stack.shape, stack.dtype) == ("TZCYX", (3, 10, 2, 31, 38), np.uint16)
    assert stack.scale == (1.0, 0.5, 1.0, 0.167808983, 0.167808983)
    assert stack.units == ("pixel", "um", "pixel", "um", "um")
    assert [each.name for each in stack.channels] == ["5-FAM/pH 9.0", "FM 4-64/2% CHAPS"]
    assert stack.channels[1] == Channel("FM 4-64/2% CHAPS", (254 / 255, 1 / 255, 0))
    np.testing.assert_array_equal(pixels(stack), nd2.imread(path))


def test_python_the_command_and_napari_read_the_same_planes(path, tmp_path):
    whole = nd2.imread(path)
    with nfs.open_planes(path, {"T": 2, "C": 1}) as planes:
        read = np.stack(list(planes))
    np.testing.assert_array_equal(read, whole[2, :, 1])

    words = ["--elimination", "none", "--register", "off", "--equalize", "off", "--channel", "2"]
    assert main(["fuse", str(path), "-o", str(tmp_path / "fused.tif"), *words]) == 0
    expected = nfs.fuse(read, elimination="none", register="off", equalize="off", z_step=0.5)
    with tifffile.TiffFile(tmp_path / "fused.tif") as tiff:
        assert tiff.series[0].axes == "TCYX"
        np.testing.assert_array_equal(tiff.series[0].asarray()[2, 1], expected.image)

    PluginManager.instance().discover()
    (layer,) = ViewerModel().open(path, plugin="napari-focusstack")[:1]
    np.testing.assert_array_equal(np.asarray(layer.data), whole[:, :, 0])
    np.testing.assert_allclose(layer.scale[-3:], [0.5, 0.167808983, 0.167808983])
