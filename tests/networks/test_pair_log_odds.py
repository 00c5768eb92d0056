"""DEB's log-odds of a pair: near or far, at two sizes, whatever the tiles."""

import pytest
import torch

from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.networks import pair_log_odds, weights
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.pair_log_odds import HalfResolution, near_log_odds
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import Progress, run


@pytest.fixture(scope="module")
def shipped():
    """The network that comes with the package."""
    return weights.load("deb", torch.device("cpu"), None)[0]


def pair_of(scene):
    planes = [linear_to_srgb(plane).permute(1, 2, 0).numpy() for plane in (scene.near, scene.far)]
    return FocalStack(planes, "srgb", torch.device("cpu"), 2**34)


def test_odds_are_of_the_plane_that_is_sharp(make_scene, shipped):
    scene = make_scene(3.0, side=192)
    odds = run(near_log_odds(pair_of(scene), shipped))
    assert odds.shape == (1, 192, 192)
    right = (odds[0] > 0).numpy() == scene.mask
    assert right.mean() > 0.95


def test_tiles_leave_no_trace(make_scene, tiles_of_deb):
    torch.manual_seed(0)
    network = DEB(width=8, levels=2)
    pair = pair_of(make_scene(3.0, side=448))
    assert network.receptive_radius_px < 448 / 2
    whole = run(near_log_odds(pair, network))
    tiles_of_deb(160)
    torch.testing.assert_close(run(near_log_odds(pair, network)), whole)


@pytest.mark.parametrize(("size", "seen"), [((127, 300), 1), ((128, 301), 2)])
def test_a_large_pair_is_evaluated_at_half_the_size_as_well(make_scene, deb_weights, size, seen):
    deb = weights.load("deb", torch.device("cpu"), deb_weights)[0]
    pair = pair_of(make_scene(3.0, side=320))
    pair.sources = [plane[: size[0], : size[1]] for plane in pair.sources]
    steps = list(near_log_odds(pair, deb))
    assert [(step.done, step.total) for step in steps][-1] == (seen, seen)
    assert run(near_log_odds(pair, deb)).shape == (1, *size)


@pytest.mark.parametrize(("side", "second"), [(639, 319), (640, 160)])
def test_a_pair_of_many_pixels_is_evaluated_at_a_quarter_of_the_size(monkeypatch, side, second):
    sides = []

    def run_tiled(planes, network, reach_px, decode):
        sides.append(planes.size[0])
        yield Progress("find focus", 1, 1)
        return torch.ones(1, *planes.size), torch.empty(0)

    monkeypatch.setattr(pair_log_odds, "run_tiled", run_tiled)
    planes = torch.linspace(0, 1, 700).expand(2, side, 700).numpy()
    pair = FocalStack(list(planes), "srgb", torch.device("cpu"), 2**34)
    odds = run(near_log_odds(pair, DEB(width=8, levels=2)))
    assert sides == [side, second]
    torch.testing.assert_close(odds, torch.full((1, side, 700), 2.0))


def test_half_the_size_is_the_mean_of_four(make_scene):
    pair = pair_of(make_scene(3.0, side=64))
    half = HalfResolution(pair)
    assert half.size == (32, 32)
    assert len(half) == 2
    part = half.display(1, (slice(3, 9), slice(10, 30)))
    assert part.shape == (3, 6, 20)
    expected = pair.display(1, (slice(6, 8), slice(20, 22))).mean((1, 2))
    torch.testing.assert_close(part[:, 0, 0], expected)
