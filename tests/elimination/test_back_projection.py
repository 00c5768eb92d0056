"""A background is held against the near plane, which shows it blurred (Eq. 3)."""

import pytest
import torch

from napari_focusstack.elimination.back_projection import (
    back_project,
    back_projection_reach_px,
    normalized_blur,
    premultiplied_foreground,
)
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.psf import Psf

SIDE = 96


def noise(seed, low=0.2, high=0.8):
    field = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    return low + (high - low) * field


def step(column=48):
    """A foreground left of a column, (1, 1, SIDE, SIDE)."""
    return (torch.arange(SIDE) < column).float().expand(1, 1, SIDE, SIDE)


def rms(error):
    return float(error.square().mean().sqrt())


def test_a_background_that_is_known_everywhere_is_blurred_as_it_is():
    background = noise(1)
    found = normalized_blur(background, torch.ones(1, 1, SIDE, SIDE), 2.0, "gaussian")
    torch.testing.assert_close(found, blur(background, 2.0), atol=1e-5, rtol=0)


def test_hidden_pixels_do_not_count_in_the_blur():
    background = torch.where(step() > 0, torch.tensor(9.0), torch.tensor(0.4))
    background = background.expand(1, 3, SIDE, SIDE)
    found = normalized_blur(background, 1 - step(), 2.0, "gaussian")
    # beyond the foreground only 0.4 is known; what it hides weighs 1/1000
    torch.testing.assert_close(
        found[..., 50:], torch.full((1, 3, SIDE, 46), 0.4), atol=0.02, rtol=0
    )


def test_the_foreground_is_what_the_near_plane_shows_beyond_the_background():
    """N = 0.6 M + (1 - M) (b * K2), so f.M is 0.6 under the foreground and 0 beside it."""
    background = torch.full((1, 3, SIDE, SIDE), 0.5)
    near = 0.6 * step() + (1 - step()) * background
    found = premultiplied_foreground(
        near, background, torch.ones(1, 1, SIDE, SIDE), step(), Psf(2.0, 2.0)
    )
    torch.testing.assert_close(found, (0.6 * step()).expand(1, 3, SIDE, SIDE), atol=1e-5, rtol=0)


def test_the_foreground_lies_between_no_light_and_alpha():
    near = noise(3, 0.0, 1.0)
    found = premultiplied_foreground(
        near, noise(4), torch.ones(1, 1, SIDE, SIDE), 0.5 * step(), Psf(2.0, 2.0)
    )
    assert float(found.min()) == 0
    assert (found <= 0.5 * step()).all()


def test_a_true_background_stays_and_a_false_one_is_corrected():
    """A background that is 0.1 too dark where it was occluded comes nearer to the truth."""
    truth, alpha, psf = noise(5, 0.3, 0.6), step(), Psf(3.0, 3.0)
    occlusion = blur(alpha, 3.0)
    transmittance = 1 - occlusion
    far = 0.4 * occlusion + transmittance * truth
    behind = (1 - alpha) * blur(truth, 3.0)
    beside = (slice(None), slice(None), slice(10, -10), slice(50, 56))
    same = back_project(behind, far, truth, transmittance, alpha, psf)[0]
    assert rms((same - truth)[beside]) < 0.04
    wrong = truth - 0.1 * (occlusion > 0.01)
    mended = back_project(behind, far, wrong, transmittance, alpha, psf)[0]
    assert rms((mended - truth)[beside]) < 0.7 * rms((wrong - truth)[beside])


def test_where_the_model_fails_the_far_plane_is_kept():
    """Nothing occludes: the far plane explains the near plane, the given background does not."""
    far, psf = noise(6), Psf(2.0, 2.0)
    alpha = torch.zeros(1, 1, SIDE, SIDE)
    behind = blur(far, 2.0)
    wrong = (far + 0.3).clamp(max=1)
    found = back_project(behind, far, wrong, torch.ones(1, 1, SIDE, SIDE), alpha, psf)[0]
    assert rms(found - far) < 0.1 * rms(wrong - far)


@pytest.mark.parametrize("steps", [1.0, 4.0])
def test_the_reach_covers_all_that_changes_a_pixel(steps):
    psf = Psf(1.0, 1.0)
    reach = back_projection_reach_px(psf, steps)
    far, alpha = noise(7), torch.zeros(1, 1, SIDE, SIDE)
    args = torch.full((1, 1, SIDE, SIDE), 0.9), alpha, psf, torch.full((1, 1, SIDE, SIDE), steps)
    behind = blur(far, steps)
    changed = behind.clone()
    changed[..., 48, 48] += 0.5
    before, after = (back_project(one, far, far - 0.05, *args)[0] for one in (behind, changed))
    touched = (before != after).any(1)[0].nonzero()
    assert len(touched) > 0
    assert int((touched - 48).abs().max()) <= reach
