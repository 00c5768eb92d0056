"""What the user chooses twice is remembered: the next dock begins with it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManifest

from napari_focusstack.widgets.fuse.dock import FuseWidget

#: Choices by the name of their menu: another one than at first.
CHOICES = {"near": "last", "intensity": "linear", "elimination": "none", "overlay": "areas"}
#: A napari in which choices are made, or looked at.
NAPARI = """
import json, sys
from napari.components import ViewerModel
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication
from napari_focusstack.widgets.fuse.dock import FuseWidget
from napari_focusstack.widgets.fuse.preferences import remember

app = QApplication([])
PluginManager.instance().discover()
dock = FuseWidget(ViewerModel())
menus = dock.settings._menus()
for name, value in json.loads(sys.argv[1]).items():
    menus[name].value = value
    menus[name].native.activated.emit(menus[name].native.currentIndex())
if sys.argv[2]:
    remember("folder", sys.argv[2])
print(json.dumps({name: menu.value for name, menu in menus.items()} | {"folder": dock.folder}))
"""


@pytest.fixture
def open_dock(qtbot):
    def opened():
        dock = FuseWidget(ViewerModel())
        qtbot.addWidget(dock)
        return dock

    return opened


@pytest.mark.parametrize("name", CHOICES)
def test_the_next_dock_begins_with_what_the_user_chose(open_dock, name):
    menu = open_dock().settings._menus()[name]
    assert menu.value != CHOICES[name]
    menu.value = CHOICES[name]
    menu.native.activated.emit(menu.native.currentIndex())  # as the user does
    assert open_dock().settings._menus()[name].value == CHOICES[name]


@pytest.mark.parametrize("name", ["live", "diffusion", "sources"])
def test_the_next_dock_begins_with_the_ticks_of_the_last(open_dock, name):
    box = open_dock().settings._boxes()[name]
    before = box.value
    box.native.click()
    assert open_dock().settings._boxes()[name].value is not before


def test_the_next_stack_has_a_depth_map_or_none_as_the_last(open_dock):
    def fusing(planes):
        dock = open_dock()
        dock.viewer.add_image(np.zeros((planes, 64, 64), np.uint8))
        return dock.with_depth

    assert not fusing(2).value
    fusing(2).native.click()  # that of a pair is made once
    assert fusing(3).value
    fusing(3).native.click()
    assert not fusing(4).value
    assert not fusing(2).value


@pytest.mark.parametrize("name", CHOICES)
def test_preferences_have_the_words_of_the_dock(open_dock, name):
    manifest = PluginManifest.from_distribution("napari-focusstack")
    offered = manifest.contributions.configurations["fusing"].properties[name]
    menu = open_dock().settings._menus()[name].native
    assert [menu.itemText(at) for at in range(menu.count())] == offered.enum
    assert menu.currentText() == offered.default


def test_what_a_file_sets_is_not_remembered(open_dock):
    first = open_dock()
    first.elimination["elimination"].value = "none"
    assert open_dock().elimination["elimination"].value == "unmix"


@pytest.mark.slow
def test_another_napari_begins_with_it_as_well(tmp_path):
    def napari(choices, folder=""):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", NAPARI, json.dumps(choices), folder],
            capture_output=True,
            text=True,
            check=True,
            env={
                **os.environ,
                "NAPARI_CONFIG": str(tmp_path / "settings.yaml"),
                "QT_QPA_PLATFORM": "offscreen",
            },
        )
        return json.loads(done.stdout.splitlines()[-1])

    napari(CHOICES, str(tmp_path))
    assert napari({}) == CHOICES | {"folder": str(tmp_path)}
