"""Results as PNG."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


@pytest.mark.parametrize(("axes", "shape"), [("YX", (70, 101)), ("CYXS", (1, 70, 101, 3))])
def test_a_png_written_in_any_order_is_the_image_with_its_record(
    form_of, write, tmp_path, axes, shape
):
    data, path, made = noise(*shape), tmp_path / "fused.png", record({"psf": 2.0}, weights={})

    write(path, data, form_of(data, axes), made)

    np.testing.assert_array_equal(read_image(path), data.reshape(shape[axes.index("Y") :]))
    assert read_record(path) == made


@pytest.mark.parametrize(
    ("axes", "dtype", "said"), [("TYX", "uint8", "the axes TYX"), ("YX", "float32", "float32")]
)
def test_what_no_png_can_hold_is_refused(form_of, write, tmp_path, axes, dtype, said):
    data = noise(*(2, 30, 50)[-len(axes) :], dtype=dtype)
    with pytest.raises(InputError, match=f"cannot hold {said}; use .tif"):
        write(tmp_path / "fused.png", data, form_of(data, axes))
    assert list(tmp_path.iterdir()) == []
