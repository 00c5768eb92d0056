"""DEB: any number of planes in, for each pixel the plane in focus out."""

import pytest
import torch
import torch.nn.functional as functional

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.networks.cell_unet import CELL_PX, CrossPlaneBlock
from napari_focusstack.networks.deb import (
    COLOURS,
    DEB,
    DECODER_REACH_CELLS,
    MEASURES,
    NOISE_FLOOR,
    PIXELS,
    plane_features,
)

CELLS = MEASURES + COLOURS
CUES = CELLS + 2 * PIXELS


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return DEB(width=8, levels=2).eval()


def stack(planes, height=64, width=64, seed=0):
    """Planes of noise, (P, 3, Y, X)."""
    return torch.rand(planes, 3, height, width, generator=torch.Generator().manual_seed(seed))


def answer(network, *stacks):
    """Logits (B, P, Y, X)."""
    with torch.no_grad():
        return network(torch.stack([plane_features(planes) for planes in stacks]))


def test_the_default_is_the_network_that_is_shipped():
    network = DEB()
    assert network.config == {"width": 24, "levels": 4}
    assert network.stride == 64
    assert sum(isinstance(module, CrossPlaneBlock) for module in network.modules()) == 10


def test_the_config_builds_the_same_network(small):
    again = DEB(**small.config)
    again.load_state_dict(small.state_dict())
    assert torch.equal(answer(again, stack(3)), answer(small, stack(3)))


@pytest.mark.parametrize("planes", [2, 3, 10, 28])
def test_any_number_of_planes_will_do(small, planes):
    logits = answer(small, stack(planes, 32, 48))
    assert logits.shape == (1, planes, 32, 48)
    assert logits.isfinite().all()
    assert float(logits.std()) > 0


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_sides_are_multiples_of_the_stride_and_no_more(levels):
    network = DEB(width=8, levels=levels)
    assert network.stride == CELL_PX * 2**levels
    features = plane_features(stack(3, 64, 96))[None]
    assert network(features).shape == (1, 3, 64, 96)
    with pytest.raises(RuntimeError):
        network(features[..., :-1])


def test_stacks_of_a_batch_do_not_see_each_other(small):
    one, two = stack(4, seed=1), stack(4, seed=2)
    alone = torch.cat([answer(small, one), answer(small, two)])
    torch.testing.assert_close(answer(small, one, two), alone, atol=1e-5, rtol=1e-4)


def test_the_order_of_planes_counts(small):
    planes = stack(5)
    there, back = answer(small, planes)[0], answer(small, planes.flip(0))[0].flip(0)
    assert not torch.allclose(there, back, atol=1e-3)


def test_every_plane_counts_for_every_other(small):
    planes = stack(6)
    before = answer(small, planes)[0]
    planes[5] = 0.5
    changed = (answer(small, planes)[0] - before).abs().amax((1, 2))
    assert (changed > 1e-5).all()


def test_the_answer_moves_with_the_image_by_multiples_of_the_stride():
    torch.manual_seed(3)
    network = DEB(width=8, levels=1).eval()  # a short reach
    shift = 2 * network.stride  # the coarse measures look through cells of 16 px
    planes, inner, moved = stack(2, 256, 256), slice(112, 128), slice(112 + shift, 128 + shift)
    here, there = (answer(network, p)[0] for p in (planes, planes.roll(shift, -1)))
    torch.testing.assert_close(here[:, inner, inner], there[:, inner, moved], atol=1e-5, rtol=1e-4)


def test_parts_are_drawn_as_the_whole_is(small):
    features = plane_features(stack(4, 128, 64))[None]
    with torch.no_grad():
        encoded, whole = small.encode(features), small(features)
        rows = slice(12 - DECODER_REACH_CELLS, 20 + DECODER_REACH_CELLS)
        part = small.decode(encoded[..., rows, :], features[..., rows, :])
    inner = slice(DECODER_REACH_CELLS * CELL_PX, -DECODER_REACH_CELLS * CELL_PX)
    expected = whole[..., 12 * CELL_PX : 20 * CELL_PX, :]
    torch.testing.assert_close(part[..., inner, :], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("levels", [1, 3])
def test_no_pixel_changes_the_answer_beyond_the_reach(levels):
    """Weights all alike, so that nothing that is seen cancels out."""
    network = DEB(width=4, levels=levels).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.05)
    side = -(-2 * network.receptive_radius_px // 64) * 64
    planes = torch.rand(2, 3, 16 * 4, side, dtype=torch.float64)
    changed = planes.clone()
    changed[0, :, :, 0] = 1 - changed[0, :, :, 0]
    answers = [network(plane_features(each)[None]) for each in (planes, changed)]
    moved = ((answers[0] - answers[1]).abs().amax((0, 1, 2)) > 0).nonzero().max()
    assert network.receptive_radius_px / 2 < int(moved) <= network.receptive_radius_px


def test_gradients_reach_every_weight():
    torch.manual_seed(2)
    network = DEB(width=8, levels=2)
    logits = network(plane_features(stack(3))[None])
    torch.log_softmax(logits, 1)[:, 0].mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # a bias of the last layer adds the same to each plane, which changes no probability
        assert float(parameter.grad.abs().sum()) > 0 or name == "head.bias", name


def test_cues_have_a_cell_for_four_pixels():
    assert plane_features(stack(2, 32, 48)).shape == (2, CUES, 8, 12)
    assert CUES == 42


def test_a_plane_without_detail_has_the_least_of_every_measure():
    flat = plane_features(torch.full((1, 3, 32, 32), 0.3))
    nothing = torch.log(torch.tensor(NOISE_FLOOR)) / 2 + 1.5
    expected = torch.full_like(flat, nothing.item())
    expected[:, MEASURES:CELLS] = expected[:, CELLS + PIXELS :] = 2 * 0.3 - 1
    torch.testing.assert_close(flat, expected, atol=2e-3, rtol=0)


def test_focus_cues_do_not_see_brightness_or_colour():
    grey = stack(1)[:, :1].expand(-1, 3, -1, -1)
    tint = torch.tensor([0.1, -0.15, 0.05])[:, None, None]  # of the same grey
    plane = 0.2 + 0.5 * grey
    for other in (plane + 0.2, plane + tint):
        torch.testing.assert_close(measures(other), measures(plane), atol=1e-3, rtol=0)


def measures(plane):
    features = plane_features(plane)
    return torch.cat([features[:, :MEASURES], features[:, CELLS : CELLS + PIXELS]], 1)


def pixels_of(features):
    """Sharpness and grey at full size, (B, 2, Y, X)."""
    return functional.pixel_shuffle(functional.pixel_shuffle(features[:, CELLS:], 2), 2)


def test_cues_do_not_see_which_way_a_plane_is_turned():
    plane = stack(1)
    features, turned = plane_features(plane), plane_features(plane.flip(-1))
    torch.testing.assert_close(turned[:, :CELLS].flip(-1), features[:, :CELLS], atol=1e-4, rtol=0)
    torch.testing.assert_close(pixels_of(turned).flip(-1), pixels_of(features))


def test_more_contrast_is_more_of_every_focus_cue_and_less_blur_of_every_fine_one():
    plane = stack(1)
    soft = functional.avg_pool2d(plane, 3, 1, 1, count_include_pad=False)
    sharp, blurred = measures(plane), measures(soft)
    coarse = slice(4, MEASURES)  # from a quarter of the size on
    finer = (sharp - blurred).mean((2, 3))[0]
    assert float(finer[coarse].abs().max()) < 0.3
    assert float(torch.cat([finer[:4], finer[MEASURES:]]).min()) > 0.4
    faint = measures(0.5 + 0.5 * (plane - 0.5))
    assert (faint < sharp).all()


def test_colour_is_the_mean_of_a_cell():
    plane = stack(1)
    colour = plane_features(plane)[0, MEASURES:CELLS, 2, 3]
    expected = plane[0, :, 8:12, 12:16].mean((1, 2))
    torch.testing.assert_close(colour, 2 * expected - 1)


def test_pixel_cues_lie_where_their_pixels_are():
    plane = torch.full((1, 3, 32, 32), 0.5)
    plane[..., 13, 22] = 1.0
    fine, grey = pixels_of(plane_features(plane))[0]
    torch.testing.assert_close(grey, 2 * plane[0, 0] - 1)
    energy = torch.exp(2 * (fine - 1.5)) - NOISE_FLOOR
    expected = functional.avg_pool2d(
        laplacian(plane.mean(1, keepdim=True)).abs(), 3, 1, 1, count_include_pad=False
    )
    torch.testing.assert_close(energy, expected[0, 0], atol=1e-5, rtol=1e-3)
    assert float(energy[13, 22]) == pytest.approx((4 + 4) * 0.5 / 9, rel=1e-3)
    assert float(energy[13, 26]) == pytest.approx(0, abs=1e-5)


def test_features_of_one_plane_do_not_depend_on_the_others():
    planes = stack(4)
    torch.testing.assert_close(plane_features(planes)[2:3], plane_features(planes[2:3]))
