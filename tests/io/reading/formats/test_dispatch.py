"""The choice of a reader, and what every entrance of the package makes of each format."""

import sys

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager, PluginManifest

from napari_focusstack.batch.batch import batch
from napari_focusstack.commands.main import main
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.formats import dispatch
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.plugin.reader import get_reader, read_layers

#: What imports fail without, the extra that brings it, and a file of the format.
PACKAGES = {
    "zarr": ("zarr", "stack.ome.zarr"),
    "pylibCZIrw": ("microscopes", "stack.czi"),
    "nd2": ("microscopes", "stack.nd2"),
    "liffile": ("microscopes", "stack.lif"),
    "rawpy": ("photo", "planes"),
    "pillow_heif": ("photo", "planes"),
}


@pytest.fixture
def make(make_scene, write, tmp_path):
    """Writes a pair in a format and returns its file or folder: make("nd2")."""

    def make(package):
        pytest.importorskip(package)
        path = tmp_path / "in" / PACKAGES[package][1]
        path.parent.mkdir(exist_ok=True)
        photo = path.name == "planes"
        scene = make_scene(2.0, side=64)
        dtype = "uint8" if package == "pillow_heif" else "uint16"
        planes = np.stack(scene.planes(dtype, grey=not photo))
        if package == "zarr":
            write.zarr(path, planes, "ZYX")
        elif package == "pylibCZIrw":
            write.czi(path, planes[None, None], channels=("grey",))
        elif package == "nd2":
            write.nd2(path, planes[:, None], "ZCYX")
        elif package == "liffile":
            write.lif(path, [("stack", "ZYX", planes)])
        else:
            path.mkdir()
            one, suffix = (write.dng, "dng") if package == "rawpy" else (write.heic, "heic")
            for number, plane in enumerate(planes):
                one(path / f"z{number}.{suffix}", np.ascontiguousarray(plane))
        return path, planes

    return make


@pytest.mark.parametrize("package", PACKAGES)
def test_each_entrance_reads_each_format(make, package, tmp_path):
    path, planes = make(package)
    with open_planes(path) as store:
        read = np.stack(list(store))
    if package != "rawpy":  # which is developed
        np.testing.assert_array_equal(read, planes)
    settings = {"psf": 2.0, "elimination": "none", "register": "off"}
    image = fuse(read, **settings).image

    words = ["--psf", "2", "--elimination", "none", "--register", "off"]
    assert main(["fuse", str(path), "-o", str(tmp_path / "fused.tif"), *words]) == 0
    np.testing.assert_array_equal(read_image(tmp_path / "fused.tif"), image)

    parameters = FuseParameters(psf="2", elimination="none", register="off")
    (outcome,) = batch([path], tmp_path / "out", parameters)
    assert (outcome.status, outcome.message) == ("done", "")
    name = "planes" if path.is_dir() and package != "zarr" else "stack"
    np.testing.assert_array_equal(read_image(tmp_path / "out" / f"{name}_fused.tif"), image)
    (again,) = batch([path], tmp_path / "out", parameters, resume=True)
    assert again.status == "skipped"

    PluginManager.instance().discover()
    viewer = ViewerModel()
    (layer,) = viewer.open(path, plugin="napari-focusstack")
    np.testing.assert_array_equal(np.asarray(layer.data), read)
    if package in ("zarr", "pylibCZIrw", "liffile"):
        assert layer.scale.tolist() == [2.0, 0.5, 0.25]
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 3


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_that_is_missing_is_named_with_its_extra(make, package, monkeypatch):
    path, _ = make(package)
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    extra = PACKAGES[package][0]

    advice = rf'pip install "napari-focusstack\[{extra}\]"'
    with pytest.raises(InputError, match=advice) as error:
        find_stacks([path])

    assert "\n" not in str(error.value)
    if path.name == "planes":
        with pytest.warns(UserWarning, match=advice):
            get_reader(str(path))
    else:
        assert get_reader(str(path)) is read_layers


def test_the_message_has_what_each_reader_reports(tmp_path, monkeypatch):
    class Broken:
        NAME, SUFFIXES, EXTRA = "one", (), ""

        def can_read(self, path):
            return True

        def series(self, path):
            raise ValueError("no header")

    class Missing(Broken):
        NAME, EXTRA = "two", "photo"

        def series(self, path):
            raise ImportError("No module named 'two'")

    monkeypatch.setattr(dispatch, "READERS", (Broken(), Missing()))

    with pytest.raises(InputError) as error:
        dispatch.series_of(tmp_path / "a.xyz")

    assert "a.xyz cannot be read as one" in str(error.value)
    assert "(no header)" in str(error.value)
    assert 'pip install "napari-focusstack[photo]"' in str(error.value)


def test_the_content_decides_not_the_name(write, tmp_path):
    pytest.importorskip("liffile")
    data = write.noise(3, 40, 50)
    write.lif(tmp_path / "renamed.dat", [("z", "ZYX", data)])
    assert find_stacks([tmp_path / "renamed.dat"])[0].shape == data.shape

    (tmp_path / "text.czi").write_text("no CZI")
    with pytest.raises(InputError, match=r"text\.czi is not an image"):
        find_stacks([tmp_path / "text.czi"])


def test_a_stack_among_files_of_one_plane_is_named(write, tmp_path):
    pytest.importorskip("liffile")
    for number in (1, 2):
        write.lif(tmp_path / f"z{number}.lif", [("z", "ZYX", write.noise(3, 40, 50))])

    with pytest.raises(InputError, match=r"z1\.lif holds 3 planes where one is expected"):
        find_stacks([tmp_path])


def test_napari_is_offered_every_suffix():
    manifest = PluginManifest.from_distribution("napari-focusstack")
    patterns = {
        pattern for reader in manifest.contributions.readers for pattern in reader.filename_patterns
    }

    assert {f"*{suffix}" for suffix in (*dispatch.FILE_SUFFIXES, ".zarr")} <= patterns
