"""Scenes small enough to be rendered in a test."""

import pytest

from napari_focusstack.training import depth_task, matte_task, scene_pool


@pytest.fixture
def small_scenes(monkeypatch):
    """Stacks of 4 planes of 64 px, of which 3 are kept."""
    for module in (depth_task, matte_task, scene_pool):
        monkeypatch.setattr(module, "PLANES", 4)
    for module in (depth_task, matte_task):
        monkeypatch.setattr(module, "VALIDATION_SIDE_PX", 64)
    monkeypatch.setattr(scene_pool, "SIDE_PX", 64)
    monkeypatch.setattr(scene_pool, "POOL_SCENES", 3)
