"""MEB: from what tells where an edge lies to how the surfaces beside it share the pixels."""

import pytest
import torch

from napari_focusstack.networks.meb import FEATURES, MEB, SQUARES_PX, edge_features

SIDE = 48


@pytest.fixture
def small():
    torch.manual_seed(0)
    return MEB(width=8, down=(2, 4))


def features_of(near, far, side_px=0.0, steps=3.0, confidence=0.8):
    """Cues of two planes (3, Y, X); the rest is the same everywhere, or per pixel (Y, X)."""
    size = near.shape[1:]
    rest = [torch.zeros(size) + one for one in (side_px, steps, confidence)]
    return edge_features(near[None], far[None], *(one[None, None] for one in rest))


def noise(seed, contrast=1.0):
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + contrast * (torch.rand(3, SIDE, SIDE, generator=generator) - 0.5)


def test_the_default_is_the_network_that_is_shipped():
    network = MEB()
    assert network.config == {"width": 16, "down": [2, 4, 8, 4]}
    assert network.stride == 8
    assert network.receptive_radius_px == 65


def test_the_config_builds_the_same_network(small):
    again = MEB(**small.config)
    again.load_state_dict(small.state_dict())
    features = features_of(noise(0), noise(1))
    assert features.shape == (1, FEATURES, SIDE, SIDE)
    assert torch.equal(again(features), small(features))


def test_the_sharper_plane_has_the_larger_cue_at_each_scale():
    sharp, smooth = noise(0), noise(1, contrast=0.05)
    ratios = slice(6, 7 + len(SQUARES_PX))
    front, behind = (
        features_of(*planes)[0, ratios] for planes in ((sharp, smooth), (smooth, sharp))
    )
    for number in (0, 2, 3):  # the second is the near plane's own sharpness
        assert (front[number] > 0.5).all()
        torch.testing.assert_close(front[number], -behind[number])
    assert front[1].min() > behind[1].max()


def test_a_found_side_counts_by_how_sure_depth_is():
    planes = noise(0), noise(1)
    sure, unsure = (
        features_of(*planes, side_px=-1.5, confidence=c)[0, -5:, 0, 0] for c in (0.9, 0.5)
    )
    assert sure.tolist() == pytest.approx([-0.5, 1.0986, 0.9, -2.1972, -1], abs=1e-4)
    assert unsure.tolist() == pytest.approx([-0.5, 1.0986, 0.5, 0, -1], abs=1e-4)
    certain = features_of(*planes, side_px=2.5, confidence=1.0)
    assert certain.isfinite().all()


def test_beyond_the_reach_of_steps_no_side_counts():
    away = features_of(noise(0), noise(0))
    assert not away[:, -5].any()
    assert not away[:, -2:].any()


def test_a_network_that_has_learned_nothing_trusts_the_step(small):
    with torch.no_grad():
        small.head[2].weight.zero_()
        small.head[2].bias.zero_()
    side_px = torch.where(torch.arange(SIDE) < 20, 0.5, -0.5).expand(SIDE, SIDE)
    answer = small(features_of(noise(0), noise(1), side_px))
    assert torch.equal(answer[0, 0], side_px.sign())


def test_no_pixel_changes_the_answer_beyond_the_reach():
    """Weights all alike, so that nothing that is seen cancels out."""
    network = MEB(width=4, down=(2, 4)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.05)
    side = 2 * network.receptive_radius_px // 16 * 16 + 32
    planes = [torch.rand(3, 8, side, dtype=torch.float64) for _ in range(2)]
    before = network(features_of(*planes).double())
    middle = side // 2
    planes[0][..., middle:] = 0.5
    changed = (network(features_of(*planes).double()) - before).abs()[0, 0].amax(0) > 1e-9
    assert changed[: middle - network.receptive_radius_px].sum() == 0
    assert changed[middle - network.receptive_radius_px // 3 : middle].all()


def test_the_answer_moves_with_the_image_by_multiples_of_the_stride(small):
    reach, stride = small.receptive_radius_px, small.stride
    side = (2 * reach // stride + 8) * stride
    planes = [torch.rand(3, 16, side, generator=torch.Generator().manual_seed(n)) for n in (0, 1)]
    here = small(features_of(*planes))
    there = small(features_of(*(plane.roll(stride, -1) for plane in planes)))
    inner = slice(reach + stride, -reach - stride)
    moved = slice(reach + 2 * stride, -reach)
    torch.testing.assert_close(here[..., inner], there[..., moved], atol=1e-5, rtol=1e-4)
