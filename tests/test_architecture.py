"""What importing the package costs, and that tests mirror modules.

What may import what is checked by import-linter.
"""

import subprocess
import sys
from pathlib import Path

import napari_focusstack

TESTS, PACKAGE = Path(__file__).parent, Path(napari_focusstack.__file__).parent
#: Modules without anything to test.
WITHOUT_LOGIC = {"__main__.py", "errors.py", "training/task.py"}

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


def test_each_module_of_the_core_has_a_file_of_tests():
    modules = {
        path.relative_to(PACKAGE)
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" and "widgets" not in path.parts
    }
    untested = {
        module.as_posix()
        for module in modules
        if not (TESTS / module.with_name(f"test_{module.name}")).is_file()
    }
    assert untested == WITHOUT_LOGIC


def test_each_file_of_tests_in_a_room_has_its_module():
    for path in TESTS.rglob("test_*.py"):
        module = path.relative_to(TESTS).with_name(path.name.removeprefix("test_"))
        if len(module.parts) > 1 and module.parts[0] != "widgets":
            assert (PACKAGE / module).is_file(), path
