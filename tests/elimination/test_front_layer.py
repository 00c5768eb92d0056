"""The front layer: what stands in front in each pixel, computed once for all planes behind it."""

import torch

from napari_focusstack.elimination.alpha_matting import refine_alpha
from napari_focusstack.elimination.front_layer import FrontLayer
from napari_focusstack.filters.nearest import nearest_values
from napari_focusstack.segmentation.focus_map import FocusMap

WHOLE = slice(0, 32), slice(0, 96)


def steps_of_three(bright=(0.9, 0.5, 0.1)):
    """Stripes at depths 1, 3 and 5, each meeting the next in a column of which it covers 0.4."""
    columns = torch.arange(96)
    front, behind = torch.full((96,), 5.0), torch.full((96,), 5.0)
    alpha, light = torch.ones(96), torch.full((96,), bright[2])
    for edge, depth, share in ((64, 3.0, bright[1:]), (32, 1.0, bright[:2])):
        front[columns <= edge] = depth
        behind[columns < edge] = depth
        light[columns < edge] = share[0]
        light[edge] = 0.4 * share[0] + 0.6 * share[1]
        alpha[edge] = 0.4
    whole = [one.expand(1, 32, 96).clone() for one in (front, behind, alpha, light)]
    return FocusMap(*whole[:3], 5, torch.ones(1, 32, 96)), whole[3]


def test_the_front_of_a_pair_is_that_of_the_near_plane(make_scene, light_of):
    scene = make_scene(2.0, softness=3.0, side=96)
    whole = slice(0, 96), slice(0, 96)
    front = FrontLayer.of(light_of([scene.near, scene.far]), FocusMap.of_pair(scene.alpha), whole)
    expected = refine_alpha(scene.near[None], scene.alpha[None])[0]
    soft = (scene.alpha > 0) & (scene.alpha < 1)
    torch.testing.assert_close(front.alpha[soft], expected[soft])
    assert ((front.premultiplied <= front.alpha + 1e-6) | ~soft).all()
    inside = scene.alpha[0] == 1
    assert torch.equal(front.in_focus[:, inside], scene.near[:, inside])


def test_each_edge_has_the_two_surfaces_that_meet_there(light_of):
    """What is behind one edge is in front at the next."""
    focus, light = steps_of_three()
    front = FrontLayer.of(light_of([light] * 5), focus, WHOLE)
    for edge, own in ((32, 0.9), (64, 0.5)):
        assert torch.allclose(front.alpha[0, :, edge], torch.tensor(0.4), atol=0.01)
        assert torch.allclose(front.premultiplied[0, :, edge], torch.tensor(0.4 * own), atol=0.01)


def test_the_planes_correct_a_wrong_alpha_at_each_edge(light_of):
    focus, light = steps_of_three()
    focus.alpha[(focus.alpha > 0) & (focus.alpha < 1)] = 0.6
    front = FrontLayer.of(light_of([light] * 5), focus, WHOLE)
    for edge in (32, 64):
        assert torch.allclose(front.alpha[0, :, edge], torch.tensor(0.4), atol=0.06)


def test_the_background_is_read_where_the_front_is_in_focus(light_of):
    """Behind the edge at depth 1 plane 1 is looked at, whatever the others show there."""
    focus, light = steps_of_three()
    planes = [light, *(light + 0.3 * torch.rand(1, 32, 96)).expand(4, 1, 32, 96)]
    planes[2] = torch.where(torch.arange(96) > 45, light, planes[2])
    front = FrontLayer.of(light_of(planes), focus, WHOLE)
    assert torch.allclose(front.premultiplied[0, :, 32], torch.tensor(0.36), atol=0.01)


def test_without_soft_edges_fronts_are_what_is_in_focus(light_of):
    depth = torch.ones(1, 32, 96)
    depth[..., 40:] = 4
    hard = FocusMap(depth, depth, torch.ones_like(depth), 4, torch.ones_like(depth))
    planes = torch.rand(4, 3, 32, 96, generator=torch.Generator().manual_seed(0))
    front = FrontLayer.of(light_of(planes), hard, WHOLE)
    assert torch.equal(front.premultiplied, torch.where(depth == 1, planes[0], planes[3]))


def test_values_are_those_of_the_nearest_pixel_that_is_present():
    values = torch.tensor([[[5.0, 0.0, 0.0, 0.0, 9.0]], [[1.0, 0.0, 0.0, 0.0, 2.0]]])
    present = torch.tensor([[[True, False, False, False, True]]])
    found, away_px = nearest_values(values, present)
    assert found[:, 0, [0, 1, 3, 4]].tolist() == [[5, 5, 9, 9], [1, 1, 2, 2]]
    assert away_px[0, 0].tolist() == [0, 1, 2, 1, 0]
