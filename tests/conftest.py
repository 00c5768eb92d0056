"""Fixtures and rules that every test shares."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REQUIRE_SHARED = "NAPARI_FOCUSSTACK_REQUIRE_SHARED"

# A loaded machine is slow, not wrong: no deadline per example.
settings.register_profile("napari-focusstack", deadline=None)
settings.load_profile("napari-focusstack")


def pytest_configure() -> None:
    if os.environ.get(REQUIRE_SHARED) == "1" and not SHARED_DATA.is_dir():
        raise pytest.UsageError(f"{REQUIRE_SHARED}=1, but {SHARED_DATA} does not exist")


@pytest.hookimpl(tryfirst=True)  # before -m deselects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = pytest.mark.skip(reason=f"needs {SHARED_DATA}, which is not distributed")
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared")
        if item.get_closest_marker("shared") and not SHARED_DATA.is_dir():
            item.add_marker(absent)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the real and training material; a test that asks for it is marked `shared`."""
    return SHARED_DATA
