"""Sample layers of the plugin."""

import pytest
from napari.components import ViewerModel
from npe2 import PluginManager

PLUGIN = "napari-focusstack"


@pytest.fixture
def viewer():
    PluginManager.instance().discover()
    return ViewerModel()


def test_samples_are_layers_that_napari_can_open(viewer):
    PluginManager.instance().discover()
    for key, names in (
        ("pair", ["pair", "truth"]),
        ("stack", ["stack"]),
        ("microscopy", ["microscopy"]),
    ):
        added = viewer.open_sample(PLUGIN, key)

        assert [layer.name for layer in added] == names
        assert added[0].metadata["focusstack"]["focus_axis"] == 0
        assert added[0].axis_labels == ("z", "y", "x")

    pair, truth, stack, microscopy = viewer.layers
    assert pair.data.shape == (2, 384, 512, 3)
    assert truth.data.shape == (384, 512, 3)
    assert (pair.visible, truth.visible) == (True, False)
    assert (stack.data.shape, stack.rgb) == ((8, 384, 512, 3), True)
    assert microscopy.scale == pytest.approx((2.0, 0.65, 0.65))
    assert [str(unit) for unit in microscopy.units] == ["micrometer"] * 3
