"""Scenes to train with come from a pool that is renewed, and are known by their numbers."""

import pytest
import torch

from napari_focusstack.simulation.stacks import StackParameters
from napari_focusstack.training import scene_pool
from napari_focusstack.training.scene_pool import ScenePool

CALM = StackParameters(noise=0.0)


pytestmark = pytest.mark.usefixtures("small_scenes")


@pytest.fixture(autouse=True)
def renewed_every_four_steps(monkeypatch):
    monkeypatch.setattr(scene_pool, "STEPS_PER_SCENE", 4)


@pytest.fixture(scope="module")
def material(bundled_pictures):
    return bundled_pictures


@pytest.fixture
def pool(material):
    return ScenePool(material, 0, CALM)


def draw(pool, step, generator):
    for number in pool.numbers(step, 2, generator):
        pool.augmented(number, generator)


def test_scenes_are_drawn_again_and_again_and_the_oldest_give_way(pool):
    generator = torch.Generator().manual_seed(0)
    for step in range(4):
        assert len(pool.numbers(step, 2, generator)) == 8  # of a quarter of the pixels
        draw(pool, step, generator)
    first = dict(pool.scenes)
    assert set(first) == {0, 1, 2}
    draw(pool, 3, generator)
    assert all(pool.scenes[number] is first[number] for number in first)
    draw(pool, 4, generator)
    assert 0 not in pool.scenes
    assert set(pool.scenes) <= {1, 2, 3}
    draw(pool, 100, generator)
    assert set(pool.scenes) <= {25, 26, 27}


def test_a_scene_is_known_by_its_number_and_the_seed(pool, material):
    again, other = (ScenePool(material, seed, CALM) for seed in (0, 1))
    scene = pool.scene(7)
    assert torch.equal(scene.planes, again.scene(7).planes)
    assert torch.equal(scene.planes, pool.scene(7).planes)  # now from the pool
    for different in (pool.scene(8), other.scene(7)):
        assert not torch.equal(scene.planes, different.planes)


def test_the_pool_keeps_planes_exactly_and_depth_to_a_hundredth(pool, monkeypatch):
    rendered = []
    render = scene_pool.focal_stack

    def remembering(*args):
        rendered.append(render(*args))
        return rendered[-1]

    monkeypatch.setattr(scene_pool, "focal_stack", remembering)
    kept = pool.scene(0)
    torch.testing.assert_close(kept.planes, rendered[0].planes)
    torch.testing.assert_close(kept.layered_depth, rendered[0].layered_depth, atol=0.01, rtol=0)
