"""A selection follows labels and strokes, and keeps the numbers of the planes in the stack."""

import numpy as np
import pytest
import torch

from napari_focusstack.networks.teb import UNKNOWN_ERROR
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.source.selection import Selection

SIDE = 64


@pytest.fixture
def planes():
    return list(np.random.default_rng(0).integers(0, 60000, (2, SIDE, SIDE), np.uint16))


def stack_of(planes):
    return FocalStack(planes, "auto", torch.device("cpu"), 2**30)


def test_labels_name_the_planes(planes):
    labels = np.ones((SIDE, SIDE), np.uint8)
    labels[10:20] = 2
    selection = Selection.by_labels(stack_of(planes), labels)
    np.testing.assert_array_equal(selection.picture[10:20], planes[1][10:20])
    np.testing.assert_array_equal(selection.picture[20:], planes[0][20:])


def test_a_painted_pixel_is_of_the_plane_that_was_painted_and_comes_back(planes):
    stack = stack_of(planes)
    mean = np.mean(planes, 0).astype(np.uint16)
    everywhere = np.ones((SIDE, SIDE), bool)
    log_error = np.full((SIDE, SIDE), -5, np.float16)
    estimated = Selection(mean, everywhere.astype(np.uint8), everywhere, log_error)
    selection, where = estimated.copy(), np.s_[8:40, 16:48]
    labels = np.full((32, 32), 2, np.uint8)
    painted = np.zeros((32, 32), bool)
    painted[4:9] = True
    selection.paint(stack, estimated, labels, painted, where)
    np.testing.assert_array_equal(selection.picture[12:17, 16:48], planes[1][12:17, 16:48])
    assert (selection.source[12:17, 16:48] == 2).all()
    assert not selection.blended[12:17, 16:48].any()
    assert (selection.log_error[12:17, 16:48] == UNKNOWN_ERROR).all()
    assert (selection.log_error[17:] == -5).all()
    np.testing.assert_array_equal(selection.picture[17:], estimated.picture[17:])
    selection.paint(stack, estimated, labels, ~painted & painted, where)
    np.testing.assert_array_equal(selection.picture, estimated.picture)
    np.testing.assert_array_equal(selection.source, estimated.source)


def test_some_planes_get_their_numbers_in_the_stack(planes):
    source = np.ones((SIDE, SIDE), np.uint8)
    source[:, 10:] = 2
    selection = Selection(planes[0], source, source == 0, np.zeros((SIDE, SIDE), np.float16))
    assert selection.renumbered([1, 2]) is selection
    wide = selection.renumbered([3, 300]).source
    assert wide.dtype == np.uint16
    assert (wide[:, :10] == 3).all()
    assert (wide[:, 10:] == 300).all()
