"""The losses of Eqs. 10 to 12 on cases worked out by hand."""

import math

import pytest
import torch

from napari_focusstack.training.losses import (
    LAMBDA_1,
    LAMBDA_2,
    LAMBDA_3,
    certainty_loss,
    fsb_loss,
    gradient_loss,
    keb_loss,
    map_loss,
)


def constant(value, side=8):
    return torch.full((1, 1, side, side), value)


def test_the_weights_of_the_paper_are_used():
    assert (LAMBDA_1, LAMBDA_2) == (2, 8)


def test_a_true_mask_costs_nothing():
    truth = (torch.arange(8) < 4).float().expand(1, 1, 8, 8)
    near, far = torch.rand(2, 1, 3, 8, 8)
    assert gradient_loss(truth, truth, near, far) == 0
    assert map_loss(truth, truth) == 0
    assert float(fsb_loss(100 * (2 * truth - 1), truth, near, far)) < 1e-5


def test_the_map_loss_is_the_mean_absolute_error():
    assert float(map_loss(constant(0.75), constant(0.5))) == pytest.approx(0.25)


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


def test_the_cross_entropy_of_not_knowing_is_ln_2():
    assert float(certainty_loss(constant(0.0), constant(1.0))) == pytest.approx(math.log(2))


def test_the_whole_loss_is_the_weighted_sum():
    logits, truth = constant(0.0), constant(0.5)  # so the mask is 0.5
    truth[..., 4, 4] = 1.0
    loss = fsb_loss(logits, truth, constant(1.0), constant(0.0))
    gradient, area = (4 + 4 * 0.25) / 64, 0.5 / 64
    assert float(loss) == pytest.approx(2 * gradient + 8 * area + LAMBDA_3 * math.log(2))


def test_a_sure_and_wrong_answer_still_learns():
    logits = constant(-30.0).requires_grad_()
    fsb_loss(logits, constant(1.0), constant(0.5), constant(0.5)).backward()
    # Alone, sigmoid and mean absolute error leave exp(-30) of the gradient.
    assert float(-logits.grad.sum()) == pytest.approx(LAMBDA_3, rel=1e-3)


def test_the_loss_of_keb_is_the_mean_absolute_error_in_pixels():
    assert float(keb_loss(torch.tensor([2.0, 5.0]), torch.tensor([3.0, 3.0]))) == 1.5
