"""The losses of Eqs. 10 to 12 on cases worked out by hand."""

import math

import pytest
import torch

from napari_focusstack.training.losses import (
    BOUNDARY_WEIGHT,
    LAMBDA_1,
    LAMBDA_2,
    LAMBDA_3,
    STEP_WEIGHT,
    boundary_weight,
    certainty_loss,
    deb_loss,
    fsb_loss,
    gradient_loss,
    keb_loss,
    map_loss,
    meb_loss,
    near_step,
    plane_shares,
)


def constant(value, side=8):
    return torch.full((1, 1, side, side), value)


def step(side=16):
    """Foreground left of the middle, (1, 1, side, side)."""
    return (torch.arange(side) < side // 2).float().repeat(1, 1, side, 1)


def test_the_weights_of_the_paper_are_used():
    assert (LAMBDA_1, LAMBDA_2) == (2, 8)


def test_a_true_mask_costs_nothing():
    truth = (torch.arange(8) < 4).float().expand(1, 1, 8, 8)
    near, far = torch.rand(2, 1, 3, 8, 8)
    assert gradient_loss(truth, truth, near, far) == 0
    assert map_loss(truth, truth, boundary_weight(truth)) == 0
    assert float(fsb_loss(100 * (2 * truth - 1), truth, near, far)) < 1e-5


def test_the_map_loss_is_the_weighted_mean_absolute_error():
    weight = constant(1.0)
    assert float(map_loss(constant(0.75), constant(0.5), weight)) == pytest.approx(0.25)
    weight[..., :4] = 3.0
    mask = constant(0.5)
    mask[..., :4] = 0.9
    # An error of 0.4 on the half of the pixels that counts three times as much.
    assert float(map_loss(mask, constant(0.5), weight)) == pytest.approx(0.4 * 3 / 4)


def test_a_pixel_counts_for_more_within_2_px_of_the_boundary():
    weight = boundary_weight(step())
    near_boundary = torch.zeros(16, dtype=torch.bool)
    near_boundary[6:10] = True  # the boundary runs between columns 7 and 8
    expected = torch.where(near_boundary, 1 + BOUNDARY_WEIGHT, 1.0).expand(1, 1, 16, 16)
    torch.testing.assert_close(weight, expected)
    assert BOUNDARY_WEIGHT >= 1


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_without_a_boundary_all_pixels_count_alike(value):
    assert (boundary_weight(constant(value)) == 1).all()  # the border of the image is none


def test_a_soft_boundary_counts_by_how_much_alpha_changes():
    weight = boundary_weight(0.5 * step())
    assert float(weight.max()) == pytest.approx(1 + 0.5 * BOUNDARY_WEIGHT)


@pytest.mark.parametrize("loss", ["map", "certainty", "whole"])
def test_the_same_error_costs_more_at_the_boundary(loss):
    truth = step(32)
    plane = torch.full((1, 3, 32, 32), 0.5)  # no difference, so no gradient loss

    def cost(column):
        logits = 10 * (2 * truth - 1)
        logits[..., column] = -logits[..., column]
        if loss == "whole":
            return float(fsb_loss(logits, truth, plane, plane))
        if loss == "map":
            return float(map_loss(torch.sigmoid(logits), truth, boundary_weight(truth)))
        return float(certainty_loss(logits, truth, boundary_weight(truth)))

    for at_the_boundary, elsewhere in ((15, 2), (16, 29), (14, 11), (17, 20)):
        ratio = cost(at_the_boundary) / cost(elsewhere)
        assert ratio == pytest.approx(1 + BOUNDARY_WEIGHT, rel=0.01)


def test_the_gradient_loss_of_one_wrong_pixel():
    mask, truth = constant(0.0), constant(0.0)
    mask[..., 4, 4] = 0.5
    # Laplacian of 0.5 . (N - F) = 0.5 at one pixel: -2 there, 0.5 at its four neighbours.
    loss = gradient_loss(mask, truth, constant(1.0), constant(0.0))
    assert float(loss) == pytest.approx((4 + 4 * 0.25) / 64)


def test_the_gradient_loss_is_that_of_the_initial_fusions():
    rng = torch.Generator().manual_seed(0)
    near, far = (torch.rand(2, 3, 16, 16, generator=rng) for _ in range(2))
    mask, truth = (torch.rand(2, 1, 16, 16, generator=rng) for _ in range(2))
    kernel = torch.tensor([[0, 1.0, 0], [1, -4, 1], [0, 1, 0]]).expand(3, 1, 3, 3)

    def edges(m):
        fused = torch.nn.functional.pad(m * near + (1 - m) * far, (1,) * 4, mode="replicate")
        return torch.nn.functional.conv2d(fused, kernel, groups=3)

    expected = (edges(mask) - edges(truth)).square().mean()
    torch.testing.assert_close(gradient_loss(mask, truth, near, far), expected)


def test_where_the_planes_agree_the_gradient_loss_does_not_care():
    plane = torch.rand(1, 3, 8, 8)
    assert gradient_loss(constant(1.0), constant(0.0), plane, plane) == 0


def test_the_cross_entropy_of_not_knowing_is_ln_2_whatever_the_weights():
    weight = constant(1.0)
    weight[..., 2:5] = 4.0
    loss = certainty_loss(constant(0.0), constant(1.0), weight)
    assert float(loss) == pytest.approx(math.log(2))


def test_the_whole_loss_is_the_weighted_sum():
    logits, truth = constant(0.0), constant(0.5)  # so the mask is 0.5
    truth[..., 4, 4] = 1.0
    loss = fsb_loss(logits, truth, constant(1.0), constant(0.0))
    gradient = (4 + 4 * 0.25) / 64
    # Alpha changes by 0.5 within 2 px of the pixel, in 25 of the 64.
    counts = 1 + 0.5 * BOUNDARY_WEIGHT
    area = 0.5 * counts / (39 + 25 * counts)
    assert float(loss) == pytest.approx(2 * gradient + 8 * area + LAMBDA_3 * math.log(2))


def test_a_sure_and_wrong_answer_still_learns():
    logits = constant(-30.0).requires_grad_()
    fsb_loss(logits, constant(1.0), constant(0.5), constant(0.5)).backward()
    # Alone, sigmoid and mean absolute error leave exp(-30) of the gradient.
    assert float(-logits.grad.sum()) == pytest.approx(LAMBDA_3, rel=1e-3)


def test_the_loss_of_keb_is_the_mean_absolute_error_in_pixels():
    assert float(keb_loss(torch.tensor([2.0, 5.0]), torch.tensor([3.0, 3.0]))) == 1.5


def layered(alpha, front, behind, side=16):
    return torch.tensor([alpha, front, behind])[:, None, None].repeat(1, side, side)


def test_what_lies_between_planes_is_shared_by_them():
    shares = plane_shares(layered(1.0, 1.25, 1.25), 4)[:, 0, 0]
    torch.testing.assert_close(shares, torch.tensor([0, 0.75, 0.25, 0]))


def test_a_pixel_is_shared_by_the_surfaces_in_it():
    shares = plane_shares(layered(0.75, 0.0, 2.5), 4)[:, 0, 0]
    torch.testing.assert_close(shares, torch.tensor([0.75, 0, 0.125, 0.125]))


def test_depth_changes_beside_a_step_of_more_than_a_plane():
    depth = torch.zeros(16, 16)
    depth[:, 8:] = 1.0
    assert not near_step(depth).any()
    depth[:, 8:] = 1.5
    assert near_step(depth).any(0).nonzero().flatten().tolist() == [6, 7, 8, 9]


def test_deb_pays_the_cross_entropy_and_more_near_steps():
    truth, planes = layered(1.0, 0.0, 0.0), torch.full((4, 3, 16, 16), 0.5)
    assert float(deb_loss(torch.zeros(4, 16, 16), planes, truth)) == pytest.approx(math.log(4))
    sure = torch.zeros(4, 16, 16)
    sure[0] = 50
    assert float(deb_loss(sure, planes, truth)) == pytest.approx(0, abs=1e-6)
    truth[1:, :, 8:] = 3.0
    # the right half is wrong by 50 nats; 4 of 16 columns are near the step, 2 of them wrong
    near = 1 + STEP_WEIGHT
    expected = pytest.approx(50 * (6 + 2 * near) / (12 + 4 * near))
    assert float(deb_loss(sure, planes, truth)) == expected


def test_deb_pays_more_where_planes_differ():
    truth, planes = layered(1.0, 0.0, 0.0), torch.full((4, 3, 16, 16), 0.5)
    wrong_above = torch.zeros(4, 16, 16)
    wrong_above[0, 8:], wrong_above[1, :8] = 50, 50
    planes[2, :, :8] += 0.1  # so that the upper half counts twice
    assert float(deb_loss(wrong_above, planes, truth)) == pytest.approx(50 * 2 / 3, rel=1e-4)


def test_meb_pays_near_steps_alone_and_more_beside_the_edge():
    side_px = torch.tensor([0.0, 0.5, 2.5])[None, None, None]
    truth, alike = torch.ones(1, 1, 1, 3), torch.zeros(1, 1, 1, 3)
    wrong = torch.full((1, 1, 1, 3), -50.0)
    assert float(meb_loss(-wrong, truth, side_px, alike)) == pytest.approx(0, abs=1e-6)
    assert float(meb_loss(wrong, truth, side_px, alike)) == pytest.approx(51)
    for column, expected in ((0, 0), (1, 2 / 3), (2, 1 / 3)):
        one = -wrong
        one[..., column] = -50
        assert float(meb_loss(one, truth, side_px, alike)) == pytest.approx(51 * expected, abs=1e-4)


def test_meb_pays_more_where_the_two_planes_differ():
    side_px, truth = torch.full((1, 1, 1, 2), 3.5), torch.zeros(1, 1, 1, 2)
    contrast = torch.tensor([0.1, 0.0])[None, None, None]  # so that the first counts three times
    wrong = torch.tensor([50.0, -50.0])[None, None, None]
    light = 500 * 0.1**2 / 2  # of two pixels
    assert float(meb_loss(wrong, truth, side_px, contrast)) == pytest.approx(51 * 3 / 4 + light)


def test_no_step_costs_nothing():
    nothing = torch.zeros(1, 1, 2, 2)
    assert float(meb_loss(nothing + 3, nothing, nothing, nothing)) == 0
