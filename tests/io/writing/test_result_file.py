"""Result files are complete or absent, whatever their format."""

import numpy as np
import pytest
import tifffile

from napari_focusstack.errors import InputError
from napari_focusstack.io.writing.result_file import result_file

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("plane 4 of 5"), ValueError])
def test_an_error_keeps_the_older_result_and_leaves_nothing_else(
    form_of, write, tmp_path, suffix, error
):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    data, path = noise(2, 30, 50), tmp_path / f"fused{suffix}"
    form = form_of(data, "CYX")
    write(path, data, form)

    def interrupted():
        with result_file(path, form) as result:
            result.write(data[0], at={"C": 0})
            raise error

    with pytest.raises(error if isinstance(error, type) else InputError):
        interrupted()

    assert list(tmp_path.iterdir()) == [path]
    if suffix == ".tif":
        np.testing.assert_array_equal(tifffile.imread(path), data)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".zarr"])
def test_missing_pixels_are_a_mistake_not_a_result(form_of, tmp_path, suffix):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    data, path = noise(30, 50), tmp_path / f"fused{suffix}"

    def lacking():
        with result_file(path, form_of(data, "YX")) as result:
            result.write(data[:29], np.s_[:29, :])

    with pytest.raises(ValueError, match=r"lacks pixels|50 values were not written"):
        lacking()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_a_full_disk_gives_one_line_and_leaves_nothing(form_of, write, tmp_path, suffix):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix feature")
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    data, path = NOISE.integers(0, 2**16, (4, 64, 64), np.uint16), tmp_path / f"fused{suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Less than all planes in a file; less than a chunk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000 if suffix == ".tif" else 5000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"cannot write .*too large.*free space") as raised:
            write(path, data, form_of(data, "ZYX"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("out.jpg", r"'\.jpg'; use \.tif, \.tiff, \.png, \.zarr"), ("gone/out.tif", "does not exist"),
     ("gone/out.zarr", "does not exist")],
)  # fmt: skip
def test_a_name_that_cannot_be_written_is_found_at_the_start(
    form_of, write, tmp_path, name, message
):
    data = noise(30, 50)
    with pytest.raises(InputError, match=message):
        write(tmp_path / name, data, form_of(data, "YX"))
