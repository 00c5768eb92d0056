"""*Fuse slabs*: a layer with an image per slab, as the function of the API returns them."""

import numpy as np
import pytest
from napari.components import ViewerModel

import napari_focusstack as nfs


@pytest.fixture
def planes(make_focal_stack):
    return np.stack(make_focal_stack(6, 1.0, side=64).planes("uint16", grey=True))


def press(qtbot, dock, name):
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


@pytest.mark.parametrize("crop", [False, True])
def test_slabs_are_a_layer_and_each_lies_at_the_middle_of_its_planes(
    qtbot, planes, open_stack_dock, crop
):
    viewer = ViewerModel()
    shown = planes.astype(np.float32)
    shown[0, :7] = np.nan
    place = {"scale": (2, 0.5, 0.5), "translate": (10, 3, 4), "units": ("um",) * 3}
    viewer.add_image(shown, name="ant", **place)
    dock = open_stack_dock(viewer)
    dock.cut["crop"].value = crop
    dock.elimination["elimination"].value = "none"
    dock.slabs["slab"].value = "3:1"

    press(qtbot, dock, "fuse_slabs")

    layer = viewer.layers["ant slabs"]
    options = vars(dock.parameters())
    for image, slab in zip(layer.data, nfs.fuse_slabs(shown, 3, 1, **options), strict=True):
        np.testing.assert_array_equal(image, slab.image)
    assert layer.data.shape == (3, 57 if crop else 64, 64)
    assert layer.scale.tolist() == [3.5, 0.5, 0.5]  # planes 1-3, 3-5, 5-6: 12, 16 and 19 um
    assert layer.translate.tolist() == [12, 6.5 if crop else 3, 4]
    assert layer.metadata["focusstack"]["record"]["slabs"]["planes"] == [[1, 3], [3, 5], [5, 6]]


def test_what_is_no_slab_is_said(qtbot, planes, open_stack_dock):
    viewer = ViewerModel()
    viewer.add_image(planes, name="ant")
    dock = open_stack_dock(viewer)
    dock.slabs["slab"].value = "3:3"
    assert "an overlap below that" in press(qtbot, dock, "fuse_slabs")
    assert "ant slabs" not in viewer.layers
