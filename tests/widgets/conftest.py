import pytest

from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.fuse.dock import FuseWidget


@pytest.fixture
def open_stack_dock(qtbot, deb_weights, keb_weights):
    """Opens the dock over a viewer's stacks, with networks that need no time."""

    def opened(viewer):
        dock = FuseWidget(viewer)
        qtbot.addWidget(dock)
        for network, path in (("deb", deb_weights), ("keb", keb_weights)):
            weights_menu.add_weights(network, path)
            dock.weights[network].value = str(path)
        dock.psf.value = "reblur"
        return dock

    return opened
