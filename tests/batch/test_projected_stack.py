"""The surface of one channel projects all channels of a file, at each time point."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch.projected_stack import project_stack
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.projection import project
from napari_focusstack.io.reading.plane_store import focal_stack
from napari_focusstack.parameters import FuseParameters, ProjectionParameters

PARAMETERS = FuseParameters(elimination="none", device="cpu", near="first")


@pytest.fixture(scope="module")
def data(make_focal_stack):
    """Two time points, five planes, two channels: (T, Z, C, Y, X)."""
    scenes = [make_focal_stack(5, 1.0, seed=seed) for seed in (1, 2)]
    first = np.stack([scene.planes("uint16", grey=True) for scene in scenes])
    return np.stack([first, first[:, ::-1] // 2], 2)


@pytest.fixture
def path(tmp_path, data):
    about = {
        "axes": "TZCYX",
        "PhysicalSizeZ": 0.5,
        "PhysicalSizeZUnit": "µm",
        "Channel": {"Name": ["membrane", "nuclei"]},
    }
    tifffile.imwrite(tmp_path / "s.ome.tif", data, metadata=about)
    return tmp_path / "s.ome.tif"


def projected(path, out, **options):
    projection = ProjectionParameters(**options)
    return project_stack(focal_stack(path), out, PARAMETERS, projection, sources={})


def test_each_channel_is_projected_around_one_surface(tmp_path, path, data):
    out = {"image": tmp_path / "p.tif", "depth": tmp_path / "d.tif"}
    options = {"above": "0.5um", "below": "1", "channel_offset": "nuclei=1um"}
    surface, record = projected(path, out, project="max", **options)
    made = tifffile.imread(out["image"])
    assert made.shape == (2, 2, 96, 96)
    assert made.dtype == np.uint16
    np.testing.assert_array_equal(
        made[1, 0], project(data[1, :, 0], surface, above=1, below=1, z_step=0.5)
    )
    np.testing.assert_array_equal(
        made[1, 1], project(data[1, :, 1], surface, above=1, below=1, offset=2, z_step=0.5)
    )
    np.testing.assert_allclose(tifffile.imread(out["depth"])[1], surface.depth)
    assert record["projection"] == {"project": "max", **options}
    assert record["parameters"]["near"] == "first"


def test_sums_have_room(tmp_path, path):
    projected(path, {"image": tmp_path / "p.tif"}, project="sum", above="9", below="9")
    made = tifffile.imread(tmp_path / "p.tif")
    assert made.dtype == np.uint32
    np.testing.assert_array_equal(made, tifffile.imread(path).sum(1, dtype=np.uint32))


def test_labels_are_the_surface(tmp_path, path, data):
    tifffile.imwrite(tmp_path / "one.tif", data[0, :, 0], metadata={"axes": "ZYX"})
    labels = np.tile(np.repeat([1, 2, 3, 4], 24).astype(np.uint8), (96, 1))
    project_stack(
        focal_stack(tmp_path / "one.tif"),
        {"image": tmp_path / "p.tif"},
        PARAMETERS,
        ProjectionParameters(project="mean"),
        sources={},
        labels=labels,
    )
    expected = np.take_along_axis(data[0, :, 0], labels[None].astype(int) - 1, 0)[0]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "p.tif"), expected)


@pytest.mark.parametrize(
    ("offset", "message"),
    [("actin=1", "no channel 'actin'; give a number from 1 to 2, or a name: membrane, nuclei"),
     ("3=1", "no channel '3'")],
)  # fmt: skip
def test_a_channel_that_does_not_exist_is_refused(tmp_path, path, offset, message):
    out = {"image": tmp_path / "p.tif"}
    with pytest.raises(InputError, match=message):
        projected(path, out, project="max", channel_offset=offset)
    with pytest.raises(InputError, match="no source image"):
        projected(path, {**out, "source": tmp_path / "s.tif"}, project="max")
    assert not out["image"].exists()


def test_a_projection_and_all_beside_it_are_cropped_alike(tmp_path, data):
    shown = data.astype(np.float32)
    shown[0, 1, 0, :9] = shown[1, 3, 1, :, :4] = np.nan
    tifffile.imwrite(tmp_path / "s.ome.tif", shown, metadata={"axes": "TZCYX"})
    made = {}
    for crop in (False, True):
        out = {name: tmp_path / f"{crop}_{name}.tif" for name in ("image", "depth")}
        project_stack(
            focal_stack(tmp_path / "s.ome.tif"),
            out,
            replace(PARAMETERS, crop=crop),
            ProjectionParameters(project="max", below="1"),
            sources={},
        )
        made[crop] = {name: tifffile.imread(path) for name, path in out.items()}
    for name, whole in made[False].items():
        np.testing.assert_array_equal(made[True][name], whole[..., 9:, 4:])
