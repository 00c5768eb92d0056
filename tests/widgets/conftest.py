import pytest

from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.fuse.dock import FuseWidget


def pytest_collection_modifyitems(items):
    """Keep what needs a screen in one process, however many there are."""
    for item in items:
        if "widgets" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("screen"))


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
