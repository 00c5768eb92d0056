"""Outlines of labels are those of napari, and faster."""

import numpy as np
import pytest
from napari.layers import Labels
from napari.layers.labels._labels_utils import get_contours

from napari_focusstack.widgets.session import outlines as outlines_module
from napari_focusstack.widgets.session.outlines import draw_outlines_fast, outlines


@pytest.fixture
def blocks(rng):
    """Labels in blocks of 5 x 5 px, which touch the border of the image."""
    return np.kron(rng.integers(0, 4, (16, 18)), np.ones((5, 5), int))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_outlines_are_those_of_napari(blocks, kind, thickness):
    labels = blocks.astype(kind)
    found = outlines(labels, thickness, 0)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, get_contours(labels, thickness, 0))


@pytest.mark.parametrize("kind", ["uint8", "int64"])
def test_a_layer_shows_and_paints_the_same_outlines(blocks, kind):
    usual, fast = (Labels(blocks.astype(kind)) for _ in range(2))
    draw_outlines_fast(fast)
    for layer in (usual, fast):
        layer.contour = 2
        layer.brush_size = 9
        layer.paint((0, 40), 2)
        layer.paint((37, 88), 3)
    np.testing.assert_array_equal(fast._slice.image.view, usual._slice.image.view)


def test_napari_s_own_way_is_not_taken(blocks, monkeypatch):
    layer, asked = Labels(blocks.astype(np.uint8)), []
    draw_outlines_fast(layer)
    monkeypatch.setattr(
        outlines_module, "outlines", lambda labels, *_: asked.append(labels.shape) or labels
    )
    layer.contour = 1
    assert asked == [blocks.shape]
