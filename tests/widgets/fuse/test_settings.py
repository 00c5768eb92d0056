"""What the user chooses twice is remembered: the next dock begins with it."""

import json
import os
import subprocess
import sys

import pytest
from napari.components import ViewerModel

from napari_focusstack.widgets.fuse.dock import FuseWidget
from napari_focusstack.widgets.fuse.settings import remember

#: Choices by the name of their menu: another one than at first.
CHOICES = {"near": "last", "intensity": "linear", "elimination": "none", "overlay": "areas"}
#: A napari in which choices are made, or looked at.
NAPARI = """
import json, sys
from napari.components import ViewerModel
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication
from napari_focusstack.widgets.fuse.dock import FuseWidget
from napari_focusstack.widgets.fuse.settings import remember

app = QApplication([])
PluginManager.instance().discover()
dock = FuseWidget(ViewerModel())
menus = dock.settings._remembered()
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
    menu = open_dock().settings._remembered()[name]
    assert menu.value != CHOICES[name]
    menu.value = CHOICES[name]
    menu.native.activated.emit(menu.native.currentIndex())  # as the user does
    assert open_dock().settings._remembered()[name].value == CHOICES[name]


def test_the_next_dock_follows_the_brush_or_not_as_the_last(open_dock):
    live = open_dock().settings.panel.live
    assert live.value
    live.native.click()
    assert not open_dock().settings.panel.live.value


def test_what_a_file_sets_is_not_remembered(open_dock):
    first = open_dock()
    first.elimination["elimination"].value = "none"
    assert open_dock().elimination["elimination"].value == "unmix"


def test_the_folder_of_results_is_remembered(open_dock):
    remember("folder", "results")
    assert open_dock().folder == "results"


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
