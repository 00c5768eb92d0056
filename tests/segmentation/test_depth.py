"""Depth from DEB and how sure it is: between planes, tile by tile, of any number of planes."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.networks import weights
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation import depth
from napari_focusstack.segmentation.depth import detail_confidence, detail_gain, soft_argmax
from napari_focusstack.segmentation.depth_inpainting import MIN_CONFIDENCE


@pytest.fixture(scope="module")
def classical(deb_weights):
    """A DEB that answers with the sharpest plane."""
    return weights.load("deb", torch.device("cpu"), deb_weights)[0]


def stack_of(planes):
    return FocalStack(planes, "auto", torch.device("cpu"), 2**34)


def found(planes, network):
    return run(depth.estimate_depth(stack_of(planes), network))[0]


@pytest.fixture(scope="module")
def shipped():
    """The network that comes with the package."""
    return weights.load("deb", torch.device("cpu"), None)[0]


PROBABILITIES = torch.tensor([[0.1, 0.6, 0.2, 0.1], [0.98, 0.01, 0.01, 0.0], [0.4, 0.1, 0.1, 0.4]])


def test_depth_lies_where_the_probabilities_of_neighbours_draw_it():
    answer = soft_argmax(PROBABILITIES.T[:, None])[0][0, 0]
    assert answer[0] == pytest.approx(2 + (0.2 - 0.1) / 0.9, abs=1e-4)
    assert answer[1] == pytest.approx(1 + 0.01 / 0.99, abs=1e-4)
    # of two planes far apart the first is taken; their mean would be neither
    assert answer[2] == pytest.approx(1 + 0.1 / 0.5, abs=1e-4)


def test_depth_never_leaves_the_most_probable_plane():
    logits = 20 * torch.randn(7, 40, 40, generator=torch.Generator().manual_seed(0))
    answer = soft_argmax(logits.softmax(0))[0]
    assert torch.equal(answer[0].round().long(), logits.argmax(0) + 1)
    assert answer.min() >= 1
    assert answer.max() <= 7


def test_certainty_is_what_two_neighbouring_planes_have_above_chance():
    answer = soft_argmax(PROBABILITIES.T[:, None])[1][0, 0]
    torch.testing.assert_close(answer, (torch.tensor([0.8, 0.99, 0.5]) - 0.5) / 0.5)
    assert float(soft_argmax(torch.full((5, 1, 1), 0.2))[1]) == pytest.approx(0, abs=1e-6)
    assert float(soft_argmax(torch.tensor([0.0, 0, 1])[:, None, None])[1]) == pytest.approx(1)


def test_a_small_surface_before_a_sharp_ground_is_detail_and_noise_is_none():
    plane = torch.full((30, 40), 4)
    plane[14:16, 20:22] = 0  # 8 px wide, in the first plane
    there = torch.nn.functional.one_hot(plane, 5).movedim(-1, 0).float()
    seen = detail_confidence(detail_gain(there, there[:, None]))
    assert seen.shape == (1, 120, 160)
    assert (seen[:, 30:-30, 30:-30] == 1).all()
    noise = 0.05 * torch.randn(5, 1, 30, 40, generator=torch.Generator().manual_seed(0))
    assert detail_confidence(detail_gain(there, noise)).max() < 0.05


def blank_around(noise, count=8, side=192):
    """Planes of a textured disc in the fourth plane before a smooth ground; where the disc is."""
    y, x = np.mgrid[:side, :side] - side / 2
    disc = np.hypot(y, x) < side / 4
    rng = np.random.default_rng(0)
    shade = np.where(disc, rng.uniform(20, 235, (side, side)), 120) + 20 * x / side
    planes = [ndimage.gaussian_filter(shade, 1.5 * abs(number - 3)) for number in range(count)]
    noisy = [plane + noise * rng.standard_normal(plane.shape) for plane in planes]
    return [plane.clip(0, 255).round().astype(np.uint8) for plane in noisy], disc


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_confidence_is_high_on_texture_and_low_where_there_is_none(shipped, noise):
    planes, disc = blank_around(noise)
    found, confidence = run(depth.estimate_depth(stack_of(planes), shipped))
    assert confidence.shape == found.shape
    assert 0 <= confidence.min() <= confidence.max() <= 1
    within, beyond = (
        ndimage.binary_erosion(disc, iterations=4),
        ~ndimage.binary_dilation(disc, iterations=40),
    )
    assert confidence[0][within].quantile(0.05) > 0.5
    assert confidence[0][beyond].quantile(0.95) < MIN_CONFIDENCE


def test_the_most_confident_pixels_err_least(make_focal_stack, shipped):
    scene = make_focal_stack(7, 1.2, side=128)
    found, confidence = run(depth.estimate_depth(stack_of(scene.planes()), shipped))
    off = (found[0] - torch.from_numpy(scene.labels)).abs()
    kept = confidence[0] > confidence.quantile(0.2)
    assert off[~kept].mean() > 1.6 * off[kept].mean()


@pytest.mark.parametrize(("dtype", "grey"), [("uint8", False), ("uint16", True), ("float32", True)])
def test_surfaces_lie_in_the_planes_where_they_are_sharp(make_focal_stack, classical, dtype, grey):
    scene = make_focal_stack(5, 1.5)
    answer = found(scene.planes(dtype, grey=grey), classical)
    assert answer.shape == (1, 96, 96)
    assert answer.dtype == torch.float32
    apart = np.abs(answer[0].numpy() - scene.labels)
    assert (apart <= 1).mean() > 0.85
    assert np.median(apart) < 0.2


def test_the_shipped_network_finds_them_better(make_focal_stack, classical, shipped):
    scene = make_focal_stack(7, 1.2, side=128)
    planes = scene.planes()
    ours, theirs = (
        (np.abs(found(planes, one)[0].numpy() - scene.labels) <= 1).mean()
        for one in (shipped, classical)
    )
    assert ours > 0.95
    assert ours > theirs


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize("side", [16, 33])
def test_planes_may_be_few_and_small(make_focal_stack, classical, count, side):
    answer = found(make_focal_stack(count, 1.0, side=side).planes("uint16", grey=True), classical)
    assert answer.shape == (1, side, side)
    assert answer.min() >= 1
    assert answer.max() <= count


def test_tiles_do_not_show(make_focal_stack, classical, monkeypatch, tiles_of_deb):
    planes = make_focal_stack(3, 1.5, side=200).planes()
    whole = found(planes, classical)
    monkeypatch.setattr(depth, "REACH_PX", 32)  # more than the classical measure looks around
    tiles_of_deb(64)
    torch.testing.assert_close(found(planes, classical), whole)


def test_a_network_that_looks_far_agrees_between_tiles_but_for_few_pixels(
    make_focal_stack, shipped, tiles_of_deb
):
    planes = make_focal_stack(4, 1.5, side=320).planes()
    whole = run(depth.estimate_depth(stack_of(planes), shipped))
    tiles_of_deb(128)
    tiled = run(depth.estimate_depth(stack_of(planes), shipped))
    assert ((whole[0].round() - tiled[0].round()).abs() > 0).float().mean() < 0.01
    assert (whole[1] - tiled[1]).abs().mean() < 0.01
