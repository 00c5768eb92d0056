"""Images that were dropped one by one are fused as one stack."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_focusstack.widgets.fuse.dock import FuseWidget

#: Names in the order in which they were dropped, and their numbers.
NAMES = {"ant_z10": 10, "ant_z2": 2, "ant_z1": 1, "ant_z3": 3}


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    for name, number in NAMES.items():
        image = np.full((32, 48, 3), number, np.uint8)
        viewer.add_image(image, name=name, rgb=True, scale=(0.5, 0.5), units=("um", "um"))
    return viewer


@pytest.fixture
def dock(qtbot, viewer):
    dock = FuseWidget(viewer)
    qtbot.addWidget(dock)
    return dock


def test_they_become_one_stack_in_the_order_of_their_numbers(dock, viewer):
    assert dock.merge.isVisibleTo(dock)
    assert dock.merge.text() == "Make one stack of 4 images"
    dock.merge.click()
    (stack,) = viewer.layers
    assert stack.name == "ant_z"
    np.testing.assert_array_equal(stack.data[:, 0, 0, 0], [1, 2, 3, 10])
    assert stack.rgb
    np.testing.assert_array_equal(stack.scale, (1.0, 0.5, 0.5))
    assert [str(unit) for unit in stack.units] == ["pixel", "micrometer", "micrometer"]
    source = dock.source()
    assert (source.layers, source.axis, source.count) == ((stack,), 0, 4)
    assert not dock.merge.isVisibleTo(dock)
    assert not dock.far_row.isVisibleTo(dock)


def test_an_image_of_another_size_or_type_stays_out(dock, viewer):
    viewer.add_image(np.zeros((32, 40, 3), np.uint8), name="ant_z4", rgb=True)
    viewer.add_image(np.zeros((32, 48, 3), np.uint16), name="ant_z5", rgb=True)
    dock.merge.click()
    assert [layer.name for layer in viewer.layers] == ["ant_z4", "ant_z5", "ant_z"]


def test_two_images_are_a_pair(dock, viewer):
    for name in ("ant_z1", "ant_z2"):
        viewer.layers.remove(name)
    assert not dock.merge.isVisibleTo(dock)
    assert dock.far_row.isVisibleTo(dock)


def test_grey_images_keep_their_contrast(qtbot):
    viewer = ViewerModel()
    for number in range(3):
        image = np.zeros((32, 48), np.uint16)
        viewer.add_image(image, name=f"{number}", contrast_limits=(10, 900))
    dock = FuseWidget(viewer)
    qtbot.addWidget(dock)
    dock.merge.click()
    (stack,) = viewer.layers
    assert stack.name == "0"
    assert stack.data.shape == (3, 32, 48)
    assert stack.contrast_limits == [10, 900]


def test_the_dock_opens_beside_a_pair_of_images_that_were_there_before(qtbot):
    viewer = ViewerModel()
    for name in ("near", "far"):
        viewer.add_image(np.zeros((32, 48), np.uint8), name=name)
    dock = FuseWidget(viewer)
    qtbot.addWidget(dock)
    assert (dock.stack.value, dock.far.value) == ("near", "far")
