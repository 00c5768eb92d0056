"""fuse_stack: every time point and channel of one source, in files."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.batch import series
from napari_focusstack.batch.series import fuse_stack, with_z_step
from napari_focusstack.errors import InputError
from napari_focusstack.fusion import fuse as fusion
from napari_focusstack.fusion.fuse import fuse, fuse_steps
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.plane_store import PlaneStore
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.plugin.saved_layer import layers_as_written
from napari_focusstack.registration.transforms import IDENTITY, Registration


def fuse_file(path, outputs, parameters, **options):
    (header,) = find_stacks([path])
    return fuse_stack(header, outputs, parameters, sources={"planes": [str(path)]}, **options)


def fused(planes, parameters):
    return fuse(planes, **{name: getattr(parameters, name) for name in vars(parameters)})


def test_a_registration_found_before_is_applied_to_every_time_point_and_channel(
    tmp_path, stack, parameters, statuses
):
    down = ((1.0, 0.0, 3.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    known = Registration((IDENTITY, down), (64, 64), "shift", "the far plane lies 3 px lower")
    data = np.stack([np.stack([stack(seed), stack(seed) // 2], 1) for seed in (0, 1)])
    data[:, 1] = np.roll(data[:, 1], 3, 2)
    path, other = tmp_path / "cells.ome.tif", tmp_path / "three.tif"
    tifffile.imwrite(path, data, ome=True, metadata={"axes": "TZCYX"})
    tifffile.imwrite(other, np.stack([*stack(), stack()[0]]), photometric="minisblack")

    fuse_file(path, {"image": tmp_path / "fused.tif"}, parameters, registration=known)
    with pytest.raises(InputError, match="the registration is of 2 planes, the stack has 3"):
        fuse_file(other, {"image": tmp_path / "other.tif"}, parameters, registration=known)

    assert not (tmp_path / "other.tif").exists()
    image = tifffile.imread(tmp_path / "fused.tif")
    options = {name: getattr(parameters, name) for name in vars(parameters)}
    for t in range(2):
        guide = fuse(data[t, :, 0], registration=known, **options)
        np.testing.assert_array_equal(image[t, 0], guide.image)
        second = fuse(data[t, :, 1], registration=known, labels=guide.focus, **options)
        np.testing.assert_array_equal(image[t, 1], second.image)
    found = read_record(tmp_path / "fused.tif")["found"]
    assert [one["registration"] for one in found] == [known.to_dict()] * 4


def test_time_points_and_channels_keep_their_place_names_colours_and_scale(
    tmp_path, stack, parameters
):
    data = np.stack([np.stack([stack(seed), stack(seed) // 2], 1) for seed in (0, 1)])
    path = tmp_path / "cells.ome.tif"
    meta = {
        "axes": "TZCYX",
        "PhysicalSizeX": 0.25,
        "PhysicalSizeY": 0.5,
        "TimeIncrement": 30.0,
        "TimeIncrementUnit": "s",
        "Channel": {"Name": ["DAPI", "GFP"], "Color": [65535, 16711935]},
    }
    tifffile.imwrite(path, data, ome=True, metadata=meta)

    outputs = {what: tmp_path / f"{what}.tif" for what in ("image", "depth", "confidence")}
    last, made = fuse_file(path, outputs, parameters)

    (result,) = find_stacks([outputs["image"]])
    assert (result.axes, result.shape) == ("TCYX", (2, 2, 64, 64))
    assert result.scale == (30.0, 1.0, 0.5, 0.25)
    assert result.units == ("s", "pixel", "um", "um")
    assert [channel.name for channel in result.channels] == ["DAPI", "GFP"]
    assert [channel.colour for channel in result.channels] == [(0, 0, 1), (0, 1, 0)]
    image = pixels(result)
    for t in range(2):
        guide = fused(data[t, :, 0], parameters)
        np.testing.assert_array_equal(image[t, 0], guide.image)
        options = {name: getattr(parameters, name) for name in vars(parameters)}
        other = fuse(data[t, :, 1], labels=guide.focus, **options)
        np.testing.assert_array_equal(image[t, 1], other.image)
    (depth,) = find_stacks([outputs["depth"]])
    assert (depth.axes, depth.shape, depth.dtype) == ("TYX", (2, 64, 64), np.float32)
    (confidence,) = find_stacks([outputs["confidence"]])
    assert (confidence.axes, confidence.scale) == ("TYX", (30.0, 0.5, 0.25))
    np.testing.assert_array_equal(pixels(confidence)[1], guide.confidence)
    np.testing.assert_array_equal(last.image, guide.image)  # of the channel that guides
    assert read_record(outputs["image"]) == json.loads(json.dumps(made))
    found = made["found"]
    assert [(one["T"], one["C"]) for one in found] == [(t, c) for t in range(2) for c in range(2)]


def test_the_channel_that_guides_may_be_any(tmp_path, stack, parameters):
    """Focus and blur are found in channel 2, whatever channel 1 shows."""
    planes = stack()
    smooth = np.stack([np.linspace(0, 9000, 64 * 64).reshape(64, 64)] * 2).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "c.ome.tif", np.stack([smooth, planes], 1), ome=True, metadata={"axes": "ZCYX"}
    )
    outputs = {what: tmp_path / f"{what}.tif" for what in ("image", "labels")}
    fuse_file(tmp_path / "c.ome.tif", outputs, parameters, channel=2)
    expected = fused(planes, parameters)
    image = tifffile.imread(outputs["image"])
    np.testing.assert_array_equal(image[1], expected.image)
    np.testing.assert_array_equal(tifffile.imread(outputs["labels"]), expected.labels)
    outside = ~expected.transition_region
    np.testing.assert_array_equal(image[0][outside], smooth[0][outside])
    with pytest.raises(InputError, match=r"c\.ome\.tif has no channel 3; give one from 1 to 2"):
        fuse_file(tmp_path / "c.ome.tif", outputs, parameters, channel=3)


def test_labels_that_are_given_need_no_network(tmp_path, stack, parameters):
    planes = stack()
    tifffile.imwrite(tmp_path / "s.tif", planes, metadata={"axes": "ZYX"})
    labels = np.ones((64, 64), np.uint8)
    labels[:, 32:] = 2
    result, made = fuse_file(
        tmp_path / "s.tif", {"image": tmp_path / "out.tif"}, parameters, labels=labels
    )
    np.testing.assert_array_equal(result.labels, labels)
    assert set(made["weights"]) <= {"teb"}
    np.testing.assert_array_equal(read_image(tmp_path / "out.tif")[:, 50:], planes[1, :, 50:])


@pytest.mark.parametrize(
    ("stored", "written"),
    [("int16", "int16"), ("uint32", "uint32"), ("float64", "float64"), ("float16", "float32"),
     ("int64", "float64"), ("bool", "float32")],
)  # fmt: skip
def test_files_keep_the_type_of_the_planes_or_hold_each_value_in_a_wider_one(
    tmp_path, stack, zarr_array, stored, written
):
    planes = (stack() % 100).astype(stored)
    about = {"photometric": "minisblack", "metadata": {"axes": "ZYX"}}
    tifffile.imwrite(tmp_path / "stack.tif", planes, **about)
    labels = np.ones((64, 64), np.uint8)
    parameters = FuseParameters(psf=4.0, device="cpu", elimination="none")

    for name in ("out.tif", "out.zarr"):
        fuse_file(tmp_path / "stack.tif", {"image": tmp_path / name}, parameters, labels=labels)

    image = tifffile.imread(tmp_path / "out.tif")
    assert image.dtype == written
    np.testing.assert_array_equal(image, planes[0])
    np.testing.assert_array_equal(zarr_array(tmp_path / "out.zarr"), image)


def test_the_plane_distance_of_a_file_is_taken_where_none_is_given(tmp_path, stack):
    about = {"axes": "ZYX", "spacing": 2.5, "unit": "um"}
    tifffile.imwrite(tmp_path / "s.tif", stack(), imagej=True, metadata=about)
    (header,) = find_stacks([tmp_path / "s.tif"])
    assert with_z_step(FuseParameters(), header).z_step == 2.5
    assert with_z_step(FuseParameters(z_step=0.7), header).z_step == 0.7


def test_half_of_the_memory_is_for_planes_and_half_for_tiles(
    tmp_path, stack, parameters, monkeypatch
):
    budgets = []

    def store(header, place, budget_bytes, progress):
        budgets.append(budget_bytes)
        return PlaneStore(header, place, budget_bytes, progress)

    def steps(planes, labels, given, registration, budget_bytes, positions):
        budgets.append(budget_bytes)
        return fuse_steps(planes, labels, given, registration, budget_bytes, positions)

    monkeypatch.setattr(series, "PlaneStore", store)
    monkeypatch.setattr(fusion, "fuse_steps", steps)
    tifffile.imwrite(tmp_path / "s.tif", stack(), metadata={"axes": "ZYX"})
    fuse_file(
        tmp_path / "s.tif", {"image": tmp_path / "out.tif"}, parameters, budget_bytes=20_000_001
    )
    assert budgets == [10_000_001, 10_000_000]


@pytest.mark.parametrize("budget_bytes", [1, 500_000])
def test_a_memory_in_which_no_tile_fits_is_refused_with_the_least_that_works(
    tmp_path, stack, parameters, budget_bytes
):
    tifffile.imwrite(tmp_path / "s.tif", stack(), metadata={"axes": "ZYX"})
    paths = {"image": tmp_path / "out.tif"}
    with pytest.raises(InputError, match=r"too little for \d+ planes.*give \d+ MB") as error:
        fuse_file(tmp_path / "s.tif", paths, parameters, budget_bytes=budget_bytes)
    assert not paths["image"].exists()
    enough = int(re.search(r"give (\d+) MB", str(error.value))[1]) * 1_000_000
    fuse_file(tmp_path / "s.tif", paths, parameters, budget_bytes=enough)
    assert paths["image"].exists()


def test_axes_without_names_become_time_and_depth(tmp_path, stack, parameters):
    data = np.stack([stack(0), stack(1), stack(0)])
    tifffile.imwrite(tmp_path / "s.ome.tif", data, ome=True, metadata={"axes": "QZYX"})
    fuse_file(tmp_path / "s.ome.tif", {"image": tmp_path / "out.tif"}, parameters)
    (result,) = find_stacks([tmp_path / "out.tif"])
    assert (result.axes, result.shape) == ("TYX", (3, 64, 64))


def test_positions_of_planes_in_a_file_count_unless_a_step_is_given(tmp_path, parameters):
    chance = np.random.default_rng(0)
    planes = chance.integers(0, 60000, (3, 48, 48), np.uint16)
    places = {"PositionZ": [0.0, 1.0, 6.0]}
    tifffile.imwrite(tmp_path / "s.ome.tif", planes, metadata={"axes": "ZYX", "Plane": places})
    labels = np.tile(np.repeat(np.uint8([1, 2, 3]), 16), (48, 1))
    greatest = []
    for given in (parameters, replace(parameters, z_step=2.0)):
        plain = replace(given, elimination="none", register="off")
        outputs = {"image": tmp_path / "out.tif"}
        result, _ = fuse_file(tmp_path / "s.ome.tif", outputs, plain, labels=labels)
        greatest.append(float(result.depth.max()))
    assert greatest == [6.0, 4.0]


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_metadata_of_the_first_photo_go_into_the_image_and_their_names_into_the_record(
    tmp_path, make_scene, parameters, suffix
):
    exif = Image.Exif()
    exif[271], exif[306] = "MAKER", "2026:07:18 19:22:04"
    exif.get_ifd(34665).update({37386: 100.0, 37500: b"notes of the maker"})
    (tmp_path / "photos").mkdir()
    for number, plane in enumerate(make_scene(2.0, side=64).planes("uint8")):
        Image.fromarray(plane).save(tmp_path / "photos" / f"p{number}.png", exif=exif)
    outputs = {"image": tmp_path / f"fused{suffix}", "labels": tmp_path / "labels.tif"}

    _, made = fuse_file(tmp_path / "photos", outputs, parameters)

    names = ["Make", "DateTime", "FocalLength"]
    if suffix == ".zarr":  # which has no place for them
        assert made["photo"] == {"kept": [], "dropped": ["MakerNote", *names]}
        return
    assert made["photo"] == {"kept": names, "dropped": ["MakerNote"]}
    assert read_record(outputs["image"])["photo"] == made["photo"]
    with tifffile.TiffFile(outputs["image"]) as tiff:
        tags = tiff.pages.first.tags
        assert (tags["Make"].value, tags["DateTime"].value) == ("MAKER", "2026:07:18 19:22:04")
        assert list(tags["ExifTag"].value) == ["FocalLength"]
    with tifffile.TiffFile(outputs["labels"]) as tiff:
        assert "Make" not in tiff.pages.first.tags


def test_cropped_files_hold_what_all_planes_of_all_channels_show(tmp_path, stack, parameters):
    data = np.stack([np.stack([stack(seed), stack(seed) // 2], 1) for seed in (0, 1)])
    data = (data / 65535).astype(np.float32)
    data[0, 1, 0, :5] = data[1, 0, 1, :, 60:] = np.nan  # TZCYX
    path = tmp_path / "cells.ome.tif"
    meta = {"axes": "TZCYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, data, ome=True, metadata=meta)
    outputs = {name: tmp_path / f"{name}.tif" for name in ("image", "labels", "depth", "source")}

    result, record = fuse_file(path, outputs, replace(parameters, crop=True))

    assert result.region == (slice(5, 64), slice(0, 60))
    assert result.image.shape == (59, 60)
    assert [one["crop"] for one in record["found"]] == [[[5, 64], [0, 60]]] * 4
    assert record["parameters"]["crop"]
    whole = {name: tmp_path / f"whole {name}.tif" for name in outputs}
    fuse_file(path, whole, parameters)
    for name, file in outputs.items():
        pixels_of = tifffile.imread(file)
        np.testing.assert_array_equal(pixels_of, tifffile.imread(whole[name])[..., 5:, :60])
        (header,) = find_stacks([file])
        assert header.scale[-2:] == (0.5, 0.25)
    ((_, attributes, _), *_) = layers_as_written(find_stacks([outputs["labels"]])[0])
    assert attributes["translate"] == (0, 2.5, 0)


def test_where_planes_share_nothing_no_file_is_written(tmp_path, stack, parameters):
    data = (stack() / 65535).astype(np.float32)
    data[0, :40] = data[1, 30:] = np.nan
    tifffile.imwrite(tmp_path / "pair.tif", data, photometric="minisblack")
    with pytest.raises(InputError, match="crop leaves nothing"):
        fuse_file(
            tmp_path / "pair.tif", {"image": tmp_path / "a.tif"}, replace(parameters, crop=True)
        )
    assert not (tmp_path / "a.tif").exists()
