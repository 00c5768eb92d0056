"""Near and far plane of a scene (Eqs. 3 and 4) against closed forms."""

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import (
    composite_defocused,
    far_focus,
    near_focus,
    over,
    premultiply,
)

SHAPES = ["gaussian", "disk"]


def random_image(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def scene(alpha_value):
    foreground, background = random_image(3, 32, 32, seed=1), random_image(3, 32, 32, seed=2)
    return foreground, torch.full((1, 32, 32), alpha_value), background


def test_without_a_foreground_only_the_near_plane_blurs_the_background():
    foreground, alpha, background = scene(0.0)
    torch.testing.assert_close(
        near_focus(foreground, alpha, background, 2.0), blur(background, 2.0)
    )
    torch.testing.assert_close(far_focus(foreground, alpha, background, 2.0), background)


def test_a_foreground_that_covers_all_hides_the_background():
    foreground, alpha, background = scene(1.0)
    torch.testing.assert_close(near_focus(foreground, alpha, background, 2.0), foreground)
    torch.testing.assert_close(
        far_focus(foreground, alpha, background, 2.0), blur(foreground, 2.0), atol=1e-6, rtol=0
    )


def test_with_no_blur_both_planes_are_the_sharp_scene():
    foreground, _, background = scene(0.0)
    alpha = random_image(1, 32, 32, seed=3)
    sharp = alpha * foreground + (1 - alpha) * background
    for image in (
        near_focus(foreground, alpha, background, 0.0),
        far_focus(foreground, alpha, background, 0.0),
        composite_defocused(foreground, alpha, background, 0.0),
    ):
        torch.testing.assert_close(image, sharp, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_light_of_a_white_half_plane_over_a_black_background_is_the_blurred_mask(shape):
    white, black = torch.ones(3, 24, 64), torch.zeros(3, 24, 64)
    alpha = (torch.arange(64) < 32).float().expand(1, 24, 64)
    far = far_focus(white, alpha, black, 3.0, shape)
    torch.testing.assert_close(far, blur(alpha, 3.0, shape).expand(3, -1, -1))
    # The pixel beside the edge has a little less than half of the foreground's light.
    assert 0.4 < float(far[0, 12, 32]) < 0.5
    torch.testing.assert_close(far_focus(black, alpha, white, 3.0, shape), 1 - far)


def test_the_colour_of_the_foreground_counts_only_where_it_is():
    foreground, _, background = scene(0.0)
    alpha = (torch.arange(32) < 16).float().expand(1, 32, 32)
    elsewhere = torch.where(alpha > 0, foreground, 99.0)
    for focus in (near_focus, far_focus):
        torch.testing.assert_close(
            focus(elsewhere, alpha, background, 2.0), focus(foreground, alpha, background, 2.0)
        )


def test_a_premultiplied_layer_lies_over_an_image():
    layer = torch.tensor([0.8, 0.4, 0.2])[:, None, None]
    light = over(premultiply(layer, torch.full((1, 1, 1), 0.25)), torch.ones(3, 1, 1))
    torch.testing.assert_close(light.flatten(), torch.tensor([0.95, 0.85, 0.8]))
