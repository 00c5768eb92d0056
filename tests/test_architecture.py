"""What importing the package costs. What may import what is checked by import-linter."""

import subprocess
import sys

import napari_focusstack

HEAVY = ["filelock", "napari", "natsort", "psutil", "qtpy", "scipy", "skimage", "torch"]


def test_importing_the_package_is_light():
    code = f"import sys, napari_focusstack; print(*({set(HEAVY)!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_every_public_name_resolves():
    names = napari_focusstack.__all__
    assert len(names) == len(set(names)) > 0
    for name in names:
        assert getattr(napari_focusstack, name) is not None
    assert set(names) <= set(dir(napari_focusstack))
