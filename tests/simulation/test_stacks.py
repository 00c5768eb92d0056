"""Rendered focal stacks are what a lens makes of surfaces, and their truth is true."""

import pytest
import torch

from napari_focusstack.simulation import stacks as stack_scenes
from napari_focusstack.simulation.stacks import StackParameters, focal_stack

PLANES, SIDE = 5, 64


@pytest.fixture(scope="module")
def material(bundled_pictures):
    return bundled_pictures


@pytest.fixture(scope="module")
def stacks(material):
    """Six scenes without noise."""
    return [render(material, seed, noise=0.0) for seed in range(6)]


def render(material, seed, **options):
    generator = torch.Generator().manual_seed(seed)
    return focal_stack(material, PLANES, SIDE, generator, StackParameters(**options))


def test_planes_and_truth_have_the_shapes_and_ranges_they_claim(stacks):
    for stack in stacks:
        assert stack.planes.shape == (PLANES, 3, SIDE, SIDE)
        assert stack.all_in_focus.shape == (3, SIDE, SIDE)
        torch.testing.assert_close(stack.planes * 255, (stack.planes * 255).round())
        for image in (stack.planes, stack.all_in_focus, stack.alpha):
            assert 0 <= float(image.min()) <= float(image.max()) <= 1
        for depth in (stack.front, stack.behind):
            assert depth.shape == (SIDE, SIDE)
            assert 0 <= float(depth.min()) <= float(depth.max()) <= PLANES - 1
        assert 0.6 <= stack.sigma_px <= 2.5
        assert torch.equal(
            stack.layered_depth, torch.stack([stack.alpha, stack.front, stack.behind])
        )


def test_the_depth_is_that_of_what_covers_most_of_a_pixel(stacks):
    for stack in stacks:
        mostly_front = stack.alpha > 0.5
        assert torch.equal(stack.depth[mostly_front], stack.front[mostly_front])
        assert torch.equal(stack.depth[~mostly_front], stack.behind[~mostly_front])
        assert torch.equal(stack.labels, stack.depth.round().byte() + 1)
        whole = stack.alpha == 1
        assert torch.equal(stack.front[whole], stack.behind[whole])


def test_no_surface_passes_through_what_it_covers(stacks):
    covered = 0
    for stack in stacks:
        assert float((stack.front - stack.behind).max()) <= 1e-5
        covered += int((stack.behind - stack.front > 1).sum())
    assert covered > 100  # of pixels that two surfaces more than a plane apart share


def test_the_plane_in_focus_shows_what_is_all_in_focus(stacks):
    """Away from edges, where blur of other surfaces does not reach: within the 8 bits."""
    compared = 0
    for stack in stacks:
        depth = stack.depth
        reach = int(6 * stack.sigma_px)
        most = torch.nn.functional.max_pool2d(depth[None], 2 * reach + 1, 1, reach)[0]
        least = -torch.nn.functional.max_pool2d(-depth[None], 2 * reach + 1, 1, reach)[0]
        for plane in range(PLANES):
            # blur by a hundredth of a step is none
            calm = ((depth - plane).abs() < 0.01) & (most - least < 0.3)
            off = (stack.planes[plane] - stack.all_in_focus).abs()[:, calm]
            compared += int(calm.sum())
            if calm.any():
                assert float(off.mean()) < 1.5 / 255
    assert compared > 50


def test_noise_is_as_strong_as_asked_for(material, stacks):
    noisy = render(material, 0, noise=0.02)
    assert torch.equal(noisy.all_in_focus, stacks[0].all_in_focus)
    midtones = (stacks[0].planes > 0.1) & (stacks[0].planes < 0.9)
    error = (noisy.planes - stacks[0].planes)[midtones]
    assert float(error.std()) == pytest.approx(0.02, rel=0.05)
    assert abs(float(error.mean())) < 1e-3


def test_a_seed_makes_the_same_scene(material, stacks):
    again, other = render(material, 1, noise=0.0), render(material, 7, noise=0.0)
    assert torch.equal(again.planes, stacks[1].planes)
    assert torch.equal(again.layered_depth, stacks[1].layered_depth)
    assert not torch.equal(other.planes, stacks[1].planes)


def test_hard_scenes_have_no_pixel_that_two_surfaces_share(material, stacks):
    assert any(((stack.alpha > 0) & (stack.alpha < 1)).any() for stack in stacks)
    for seed in range(4):
        alpha = render(material, seed, unmixed=1.0).alpha
        assert set(alpha.unique().tolist()) <= {0.0, 1.0}


def test_misplaced_parts_lie_beside_visible_surfaces(material, monkeypatch):
    """The same picture, whose steps of depth are elsewhere by a row and a column."""
    scenes = []
    for off in ([0, 0], [1, 1]):
        monkeypatch.setattr(stack_scenes, "_random_offset", lambda _, off=off: off)
        scenes.append(render(material, 3, from_segments=1.0, misplaced=1.0, unmixed=1.0))
    right, moved = scenes
    torch.testing.assert_close(right.all_in_focus, moved.all_in_focus, atol=1e-3, rtol=0)
    elsewhere = (right.front != moved.front).float().mean()
    assert 0 < float(elsewhere) < 0.5


def test_parts_are_misplaced_by_a_pixel_at_most_to_all_sides():
    generator = torch.Generator().manual_seed(0)
    off = {tuple(stack_scenes._random_offset(generator)) for _ in range(200)}
    assert off == {(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)}


def test_a_blank_backdrop_is_given_the_depth_in_which_it_is_seen_best(material, monkeypatch):
    """What scenes show in the planes that are called right is nearer to the truth for it."""

    def wrong():
        scenes = [render(material, seed, blank=1.0, noise=0.0) for seed in range(6)]
        found = 0.0
        for scene in scenes:
            plane = scene.labels.long() - 1
            shown = scene.planes.gather(0, plane[None, None].expand(1, 3, -1, -1))[0]
            found += float((shown - scene.all_in_focus).square().mean())
        return found

    best = wrong()
    monkeypatch.setattr(stack_scenes, "clearest", lambda cover, sharp, depth, bare: depth)
    assert best < 0.6 * wrong()


def test_blank_scenes_have_no_parts_and_draw_nothing_where_there_are_none(material, stacks):
    again = render(material, 2, noise=0.0, blank=0.0)
    assert torch.equal(again.planes, stacks[2].planes)
    blank = render(material, 2, noise=0.0, blank=1.0, from_segments=1.0)
    assert not torch.equal(blank.planes, stacks[2].planes)


def test_level_surfaces_lie_in_planes(material):
    for seed in range(4):
        stack = render(material, seed, noise=0.0, level=1.0)
        for depth in (stack.front, stack.behind):
            assert torch.equal(depth, depth.round())


def test_planes_are_rounded_to_the_steps_that_are_asked_for(material):
    fine, coarse = (render(material, 0, noise=0.0, steps=steps).planes for steps in (65535, 15))
    torch.testing.assert_close(coarse * 15, (coarse * 15).round())
    assert (fine - coarse).abs().max() <= 0.5 / 15 + 1e-6
    assert len(fine.unique()) > 256
