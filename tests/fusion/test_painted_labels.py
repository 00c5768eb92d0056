"""Labels with what they were painted over, from a layer and from a file."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.estimate import Estimate
from napari_focusstack.fusion.painted_labels import PaintedLabels, key_of, read_labels
from napari_focusstack.plugin.writer import write_layer
from napari_focusstack.segmentation.focus_map import FocusMap

SIZE = (24, 32)


@pytest.fixture
def estimate():
    alpha = torch.rand(1, *SIZE, generator=torch.Generator().manual_seed(1))
    return Estimate(FocusMap.of_pair(alpha), "first", None, None, None, None, {}, None)


def layer(data, estimates):
    """Return what is used of a Labels layer."""
    about = {"focusstack": {"estimates": estimates}}
    return SimpleNamespace(name="planes", data=data, ndim=data.ndim, metadata=about)


@pytest.mark.parametrize("packed", [False, True])
def test_a_layer_brings_its_estimate_along(estimate, packed):
    data = np.ones((3, *SIZE), np.uint8)
    carried = estimate.to_bytes() if packed else estimate
    labels = PaintedLabels.of(layer(data, {key_of((2,)): carried}), (2,))
    assert labels.labels.shape == SIZE
    assert labels.estimate.focus == estimate.focus


def test_labels_without_an_estimate_of_their_size_are_plain(estimate):
    data = np.ones((8, 8), np.uint8)
    assert PaintedLabels.of(layer(data, {})) is data
    assert PaintedLabels.of(layer(data, {key_of(()): estimate})) is data


def test_a_file_brings_its_estimate_along(estimate, tmp_path):
    path = str(tmp_path / "planes.tif")
    about = layer(np.ones(SIZE, np.uint8), {key_of(()): estimate})
    write_layer(path, about.data, {"features": {}, "metadata": about.metadata})
    labels = read_labels(path)
    np.testing.assert_array_equal(labels.labels, about.data)
    assert labels.estimate.focus == estimate.focus


def test_a_damaged_estimate_is_refused(tmp_path):
    with pytest.raises(InputError, match="run all anew"):
        PaintedLabels.of(layer(np.ones(SIZE, np.uint8), {key_of(()): b"cut"}))
