"""The near plane tells how much of a pixel at the edge the foreground covers."""

import pytest
import torch

from napari_focusstack.elimination.alpha_matting import (
    REACH_PX,
    estimate_premultiplied,
    refine_alpha,
)
from napari_focusstack.segmentation.labels import antialias


@pytest.fixture
def edge():
    """Alpha of a soft slanted edge, (1, 1, 48, 64), and a hard guess of it, antialiased."""
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    true = (0.5 + (31.3 + rows / 4 - columns) / 1.5).clamp(0, 1)[None, None]
    return true, antialias(true[0] > 0.5)[None]


def seen(alpha, front, behind, texture=0.0):
    noise = torch.randn(1, 3, *alpha.shape[-2:], generator=torch.Generator().manual_seed(1))
    return (alpha * front + (1 - alpha) * behind).expand(1, 3, -1, -1) + texture * noise


def error(alpha, true):
    return float((alpha - true).abs()[(true > 0) & (true < 1)].mean())


def test_flat_sides_of_unlike_light_give_alpha_whatever_the_initial_estimate(edge):
    true, guess = edge
    found = refine_alpha(seen(true, 0.8, 0.1), guess)
    assert error(guess, true) > 0.08
    assert error(found, true) < 0.25 * error(guess, true)


def test_texture_costs_some_of_it(edge):
    true, guess = edge
    found = refine_alpha(seen(true, 0.8, 0.1, 0.05), guess)
    assert error(found, true) < 0.6 * error(guess, true)


def test_sides_that_look_alike_leave_the_initial_estimate(edge):
    true, guess = edge
    torch.testing.assert_close(refine_alpha(seen(true, 0.4, 0.4), guess), guess, atol=1e-3, rtol=0)


def test_certain_pixels_stay_certain(edge):
    true, guess = edge
    found = refine_alpha(seen(true, 0.8, 0.1, 0.05), guess)
    sure = (guess == 0) | (guess == 1)
    assert torch.equal(found[sure], guess[sure])
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_a_strand_without_a_sure_pixel_keeps_its_alpha():
    alpha = torch.zeros(1, 1, 32, 32)
    alpha[..., 15:17] = 0.6
    assert torch.equal(refine_alpha(seen(alpha, 0.9, 0.1), alpha), alpha)


def test_nothing_beyond_the_reach_matters(edge):
    true, guess = edge
    near = seen(true, 0.8, 0.1, 0.05)
    part = slice(8, 40)
    inner = slice(8 + REACH_PX, 40 - REACH_PX)
    found = refine_alpha(near[..., part, :], guess[..., part, :])[..., REACH_PX:-REACH_PX, :]
    torch.testing.assert_close(found, refine_alpha(near, guess)[..., inner, :], atol=1e-6, rtol=0)


def test_the_premultiplied_foreground_is_separated_from_the_background_beside_it(edge):
    true, _ = edge
    found = estimate_premultiplied(seen(true, 0.8, 0.3), true)
    torch.testing.assert_close(found, (0.8 * true).expand_as(found), atol=2e-3, rtol=0)


def test_a_wide_soft_edge_uses_the_background_farther_away():
    alpha = (torch.arange(64.0) - 26).div(9).clamp(0, 1).expand(1, 1, 48, 64)
    found = estimate_premultiplied(seen(alpha, 0.8, 0.3), alpha)
    near_background = (alpha > 0) & (alpha < 0.5)
    expected = (0.8 * alpha).expand_as(found)
    torch.testing.assert_close(
        found[:, :1][near_background], expected[:, :1][near_background], atol=2e-3, rtol=0
    )


def test_without_any_background_near_all_light_counts_as_far_as_alpha_goes():
    alpha = torch.full((1, 1, 32, 32), 0.4)
    near = seen(alpha, 0.9, 0.2)
    torch.testing.assert_close(estimate_premultiplied(near, alpha), near * 0.4)


def test_the_premultiplied_foreground_lies_between_0_and_alpha(edge):
    true, guess = edge
    found = estimate_premultiplied(seen(true, 0.9, 0.1, 0.3).clamp(0, 1), guess)
    assert float(found.min()) >= 0
    assert (found <= guess).all()
