"""TIFFs with scale, units and a note: one format each for ImageJ, OME and the rest."""

from itertools import product

import numpy as np
import pytest
import tifffile

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import ome_root
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.record import read_note, read_record
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.io.writing import layer_tiff
from napari_focusstack.io.writing.layer_tiff import write_tiff
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)
RECORD = record({"sigma_px": 4.25, "specimen": "Käfer"}, weights={"fsb": "0f"})
STEPS = {"T": (30.0, "s"), "Z": (2.0, "um"), "Y": (0.65, "um"), "X": (0.325, "um")}
SHAPES = {"T": 2, "Z": 5, "C": 3, "Y": 32, "X": 48, "S": 3}


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def write(path, data, axes, **options):
    steps = [STEPS.get(axis, (1.0, "pixel")) for axis in axes.removesuffix("S")]
    scale, units = zip(*steps, strict=True)
    write_tiff(path, data, axes=axes, scale=scale, units=units, **options)


@pytest.mark.parametrize("axes", ["YX", "YXS", "ZYX", "ZYXS", "TZYX", "ZTYX", "TZCYX"])
def test_axes_come_back_with_pixels_scale_and_record_in_every_dtype(tmp_path, axes):
    dtypes = ("uint8", "uint16", "int16", "int32", "uint32", "float32")
    for name, dtype in product(("out.tif", "out.ome.tif"), dtypes):
        path, case = tmp_path / name, f"{name}, {dtype}"
        data = noise(*(SHAPES[axis] for axis in axes), dtype=dtype)

        write(path, data, axes, record=RECORD)

        assert read_record(path) == RECORD, case
        (stack,) = find_stacks([path])
        assert stack.dtype == dtype, case
        assert sorted(stack.axes) == sorted(axes), case
        read = pixels(stack).transpose([stack.axes.index(axis) for axis in axes])
        np.testing.assert_array_equal(read, data, case)
        for axis, *step in zip(stack.axes, stack.scale, stack.units, strict=False):
            assert tuple(step) == STEPS.get(axis, (1.0, "pixel")), case


@pytest.mark.parametrize(
    ("name", "dtype", "axes", "kind"),
    [
        ("out.tif", "uint16", "ZYX", "imagej"),
        ("out.tif", "uint8", "ZYXS", "imagej"),
        ("out.tif", "uint16", "ZYXS", "shaped"),
        ("out.tif", "int32", "ZYX", "shaped"),
        ("out.ome.tif", "uint16", "ZYX", "ome"),
        ("OUT.OME.TIFF", "uint8", "YX", "ome"),
    ],
)
def test_format_follows_name_and_dtype(tmp_path, name, dtype, axes, kind):
    write(tmp_path / name, noise(*(SHAPES[axis] for axis in axes), dtype=dtype), axes)

    with tifffile.TiffFile(tmp_path / name) as tiff:
        assert tiff.series[0].kind == kind
        assert tiff.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        note = {"software": "napari-focusstack", "layer_type": "image", "record": None}
        steps = {axis: list(STEPS[axis]) for axis in axes.removesuffix("S")}
        assert read_note(tiff) == {**note, "translate": {}, "steps": steps}


def test_units_may_differ_between_axes(tmp_path):
    units = ("mm", "um", "nm")
    for name in ("out.tif", "out.ome.tif"):
        write_tiff(tmp_path / name, noise(5, 8, 9), axes="ZYX", scale=(2, 3, 4), units=units)

        (stack,) = find_stacks([tmp_path / name])

        assert (stack.units, stack.scale) == (units, (2.0, 3.0, 4.0))


def test_axis_that_ome_does_not_know_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"out\.ome\.tif cannot hold uint16") as raised:
        write(tmp_path / "out.ome.tif", noise(2, 5, 8, 9), "IZYX")

    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_note_of_other_programs_is_not_taken_for_ours(tmp_path):
    path = tmp_path / "stack.tif"
    meta = {"axes": "ZYX", "Info": '{"software": "napari-focusstack"}'}
    tifffile.imwrite(path, noise(5, 8, 9), imagej=True, metadata=meta)

    with tifffile.TiffFile(path) as tiff:
        assert read_note(tiff) is None


PLACED = {"scale": (2, 0.5, 0.25), "units": ("um",) * 3, "translate": (6.0, -3.0, 0.1)}


def test_imagej_metadata_name_the_pixel_at_0(tmp_path):
    write_tiff(tmp_path / "out.tif", noise(5, 8, 9), axes="ZYX", **PLACED)

    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        origin = [tiff.imagej_metadata[f"{axis}origin"] for axis in "zyx"]
        assert origin == pytest.approx([-3, 6, -0.4])
        assert read_note(tiff)["translate"] == {"Z": 6.0, "Y": -3.0, "X": 0.1}


def test_ome_metadata_place_each_plane(tmp_path):
    options = {name: (value[0], *value) for name, value in PLACED.items()}
    write_tiff(tmp_path / "out.ome.tif", noise(2, 3, 8, 9), axes="TZYX", **options)

    with tifffile.TiffFile(tmp_path / "out.ome.tif") as tiff:
        planes = ome_root(tiff.ome_metadata).findall("{*}Image/{*}Pixels/{*}Plane")
        found = [[float(plane.get(f"Position{axis}")) for axis in "ZYX"] for plane in planes]
        assert found == [[z, -3.0, 0.1] for z in (6.0, 8.0, 10.0)] * 2
        assert {plane.get("PositionZUnit") for plane in planes} == {"µm"}


def test_an_image_at_0_has_no_origin_in_its_metadata(tmp_path):
    for name in ("out.tif", "out.ome.tif"):
        write_tiff(tmp_path / name, noise(5, 8, 9), axes="ZYX", **{**PLACED, "translate": (0,) * 3})
        with tifffile.TiffFile(tmp_path / name) as tiff:
            assert "xorigin" not in (tiff.imagej_metadata or {})
            assert "Position" not in (tiff.ome_metadata or "")


def test_long_files_have_offsets_of_64_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(layer_tiff, "MAX_CLASSIC_BYTES", 5 * 8 * 9 * 2 - 1)
    data = noise(5, 8, 9)
    for name in ("out.tif", "out.ome.tif"):
        write(tmp_path / name, data, "ZYX")
        with tifffile.TiffFile(tmp_path / name) as tiff:
            assert tiff.is_bigtiff
            assert not tiff.is_imagej
            np.testing.assert_array_equal(tiff.asarray(), data)
