"""Results of known form, written rectangle by rectangle."""

import numpy as np
import pytest

from napari_focusstack.io.writing import result_tiff, result_zarr
from napari_focusstack.io.writing.result import ResultForm
from napari_focusstack.io.writing.result_file import result_file

NOISE = np.random.default_rng(0)


def _form_of(data, axes, **more):
    scale = {"T": (30.0, "s"), "C": (1.0, "pixel"), "Z": (2.0, "um"), "Y": (0.5, "um")}
    known = [scale.get(axis, (0.25, "um")) for axis in axes if axis != "S"]
    return ResultForm(
        shape=data.shape,
        dtype=data.dtype,
        axes=axes,
        scale=tuple(step for step, _ in known),
        units=tuple(unit for _, unit in known),
        **more,
    )


def _write(path, data, form, made=None, *, side=40):
    """Write data in rectangles in random order."""
    leading = data.shape[: len(form.leading)]
    places = [
        (index, top, left)
        for index in np.ndindex(leading)
        for top in range(0, form.plane_shape[0], side)
        for left in range(0, form.plane_shape[1], side)
    ]
    with result_file(path, form) as result:
        for number in NOISE.permutation(len(places)):
            index, top, left = places[number]
            part = np.s_[top : top + side, left : left + side]
            result.write(data[index][part], part, dict(zip(form.leading, index, strict=True)))
        result.record = made


@pytest.fixture
def small_tiles(monkeypatch):
    for module in (result_tiff, result_zarr):
        monkeypatch.setattr(module, "TILE_PX", 32)
    monkeypatch.setattr(result_tiff, "MAX_STRIP_PIXELS", 32 * 32)


@pytest.fixture(scope="session")
def form_of():
    """Makes the form of an array: form_of(data, axes, channels=..., layer_type=...)."""
    return _form_of


@pytest.fixture(scope="session")
def write():
    """Writes an array: write(path, data, form, record, side=...)."""
    return _write
