"""The reader of the plugin: which files it claims, and the layers it makes of them."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from dask.array import Array
from napari.components import ViewerModel
from npe2 import PluginManager

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.plugin.reader import get_reader, read_layers
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)
PLUGIN = "napari-focusstack"
RECORD = record({"sigma_px": 4.25, "specimen": "Käfer"}, weights={"fsb": "0f"})


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def read(path):
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


def only(path):
    (layer,) = read(path)
    return layer


@pytest.fixture
def viewer():
    PluginManager.instance().discover()
    return ViewerModel()


def write_hyperstack(path, *shape, axes, **options):
    data = noise(*shape)
    meta = {"axes": axes, "spacing": 2.0, "unit": "um", **options}
    tifffile.imwrite(path, data, imagej=True, metadata=meta, resolution=(1 / 0.65, 1 / 0.65))
    return data


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "TZCYX", "QYX"])
def test_stack_is_claimed(tmp_path, axes):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(*(5,) * (len(axes) - 2), 8, 9), metadata={"axes": axes})

    assert get_reader(str(path)) is read_layers
    assert get_reader([str(path)]) is read_layers


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((8, 9), {}),
        ((8, 9, 3), {"photometric": "rgb"}),
        ((8, 9), {"metadata": None}),
        ((2, 8, 9), {"metadata": {"axes": "CYX"}}),
        ((1, 8, 9), {"metadata": {"axes": "ZYX"}}),
    ],
    ids=str,
)
def test_single_image_is_left_to_napari(tmp_path, shape, options):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, noise(*shape), **options)

    with pytest.warns(UserWarning, match="choose|open one|leave only"):
        assert get_reader(str(path)) is None


def test_an_image_that_napari_saved_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "fused.tif"
    tifffile.imwrite(path, noise(8, 9))

    with pytest.warns(UserWarning, match=r"fused.tif holds a single image.*drops both"):
        assert get_reader(str(path)) is None


def test_channels_that_may_be_planes_are_refused_with_the_way_to_choose(tmp_path):
    path = tmp_path / "hyperstack.tif"
    tifffile.imwrite(path, noise(5, 8, 9), imagej=True, metadata={"axes": "CYX"})

    with pytest.warns(UserWarning, match="no axis along which.*Open focal stack lets you choose"):
        assert get_reader(str(path)) is None


def test_pyramid_of_one_plane_is_left_to_napari(tmp_path):
    path = tmp_path / "pyramid.ome.tif"
    data = noise(64, 64)
    with tifffile.TiffWriter(path) as writer:
        writer.write(data, subifds=1, metadata={"axes": "YX"})
        writer.write(data[::2, ::2], subfiletype=1)

    with pytest.warns(UserWarning, match="choose|open one|leave only"):
        assert get_reader(str(path)) is None


def test_fused_image_of_the_command_is_left_to_napari(tmp_path):
    write_image(tmp_path / "out.tif", noise(8, 9), record=RECORD)

    with pytest.warns(UserWarning, match="choose|open one|leave only"):
        assert get_reader(str(tmp_path / "out.tif")) is None


@pytest.mark.parametrize("name", ["none.tif", "none", "text.tif", "text.txt"])
def test_what_is_no_image_is_left_to_napari(tmp_path, name):
    for text in ("text.tif", "text.txt"):
        (tmp_path / text).write_text("a letter, not a picture")

    with pytest.warns(UserWarning, match="choose|open one|leave only"):
        assert get_reader(str(tmp_path / name)) is None


def test_folder_and_list_of_images_of_one_size_are_claimed(tmp_path):
    paths = [str(tmp_path / f"z{z}.tif") for z in (1, 2, 3)]
    for path in paths:
        tifffile.imwrite(path, noise(8, 9))

    assert get_reader(str(tmp_path)) is read_layers
    assert get_reader(paths) is read_layers


def test_folder_of_mixed_sizes_is_left_to_napari(tmp_path):
    tifffile.imwrite(tmp_path / "z1.tif", noise(8, 9))
    tifffile.imwrite(tmp_path / "z2.tif", noise(8, 10))

    with pytest.warns(UserWarning, match="choose|open one|leave only"):
        assert get_reader(str(tmp_path)) is None


@pytest.mark.parametrize("count", [0, 1])
def test_folder_without_two_images_is_left_to_napari(tmp_path, count):
    for z in range(count):
        tifffile.imwrite(tmp_path / f"z{z}.tif", noise(8, 9))

    with pytest.warns(UserWarning, match="choose|open one|leave only"):
        assert get_reader(str(tmp_path)) is None


def test_folder_of_stacks_is_left_to_napari(tmp_path):
    for z in (1, 2):
        write_hyperstack(tmp_path / f"stack{z}.tif", 5, 8, 9, axes="ZYX")

    with pytest.warns(UserWarning, match="choose|open one|leave only"):
        assert get_reader(str(tmp_path)) is None


@pytest.mark.parametrize("cut", [0.02, 0.4, 0.9])
def test_damaged_stack_is_claimed_to_say_what_is_wrong(tmp_path, cut):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(5, 48, 64), metadata=None, compression="zlib")
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])

    with pytest.raises(InputError, match="cut short or damaged"):
        read(path)


def test_nothing_but_headers_is_read(tmp_path, monkeypatch):
    write_hyperstack(tmp_path / "stack.tif", 5, 8, 9, axes="ZYX")
    for z in (1, 2):
        tifffile.imwrite(tmp_path / f"z{z}.tif", noise(8, 9))

    def refuse(*args, **kwargs):
        raise AssertionError("pixels were read")

    for kind in (tifffile.TiffPage, tifffile.TiffPageSeries):
        monkeypatch.setattr(kind, "asarray", refuse)

    assert get_reader(str(tmp_path / "stack.tif")) is read_layers
    assert get_reader([str(tmp_path / f"z{z}.tif") for z in (1, 2)]) is read_layers


def test_big_file_comes_lazily(tmp_path, monkeypatch):
    path = tmp_path / "stack.tif"
    data = write_hyperstack(path, 5, 2, 32, 48, axes="ZCYX")
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", 1000)

    for channel, (pixels, _, _) in enumerate(read(path)):
        assert isinstance(pixels, Array)
        np.testing.assert_array_equal(pixels.compute(), data[:, channel])


def test_first_stack_among_several_series_is_read(tmp_path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(noise(8, 9), metadata={"axes": "YX"})
        writer.write(noise(5, 8, 9), metadata={"axes": "ZYX"})

    assert only(path)[0].shape == (5, 8, 9)


def test_folder_with_a_plane_of_another_size_is_refused_by_name(tmp_path):
    for z, width in ((1, 9), (2, 10), (3, 9)):
        tifffile.imwrite(tmp_path / f"z{z}.tif", noise(8, width))

    with pytest.raises(InputError, match=r"z2\.tif"):
        read(tmp_path)


def test_napari_opens_a_stack_with_its_units(tmp_path, viewer):
    path = tmp_path / "stack.tif"
    data = write_hyperstack(path, 5, 2, 32, 48, axes="ZCYX")

    first, second = viewer.open(str(path), plugin=PLUGIN)

    np.testing.assert_array_equal(second.data, data[:, 1])
    assert first.scale == pytest.approx((2.0, 0.65, 0.65))
    assert [str(unit) for unit in first.units] == ["micrometer"] * 3
    assert first.axis_labels == ("z", "y", "x")
    assert viewer.layers.extent.units is not None


def test_napari_opens_images_and_folders_as_one_stack(tmp_path, viewer):
    for z in (1, 2, 10):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.full((8, 9), z, np.uint8))
    paths = [str(tmp_path / f"z{z}.tif") for z in (10, 1, 2)]

    (folder,) = viewer.open(str(tmp_path), plugin=PLUGIN)
    (images,) = viewer.open(paths, stack=True, plugin=PLUGIN)

    for layer in (folder, images):
        assert layer.data[:, 0, 0].tolist() == [1, 2, 10]


def test_layers_of_channels_carry_their_number_in_the_file(tmp_path):
    write_hyperstack(tmp_path / "two.tif", 5, 2, 8, 9, axes="ZCYX")
    write_hyperstack(tmp_path / "one.tif", 5, 8, 9, axes="ZYX")

    told = [
        meta["metadata"]["focusstack"].get("channel") for _, meta, _ in read(tmp_path / "two.tif")
    ]
    assert told == [1, 2]
    assert "channel" not in only(tmp_path / "one.tif")[1]["metadata"]["focusstack"]


def test_napari_says_why_a_file_was_not_opened(tmp_path, viewer):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(5, 48, 64), metadata=None, compression="zlib")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(InputError, match=r"stack\.tif .*cut short or damaged"):
        viewer.open(str(path), plugin=PLUGIN)


def test_naming_a_reader_imports_nothing_heavy(tmp_path):
    write_hyperstack(tmp_path / "stack.tif", 5, 8, 9, axes="ZYX")
    heavy = {"torch", "skimage", "scipy", "dask", "napari", "qtpy"}
    code = (
        "import sys; from napari_focusstack.plugin.reader import get_reader;"
        f"get_reader({str(tmp_path / 'stack.tif')!r}); print({heavy!r} & sys.modules.keys())"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "set()"
