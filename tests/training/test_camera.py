"""What the simulated camera does to light."""

import imagecodecs
import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.optics import linear_to_srgb
from napari_focusstack.training.camera import expose, jpeg


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photo():
    """A smooth picture with grain, (1, 3, 64, 64), 0..1 in steps of 1/255."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.standard_normal((3, 64, 64)), (0, 3, 3)) * 1.5
    values = 0.5 + smooth + 0.03 * rng.standard_normal((3, 64, 64))
    return torch.from_numpy(np.clip(values, 0, 1) * 255).round().float()[None] / 255


def error(image, photo):
    return float((image - photo).square().mean().sqrt() * 255)


def test_jpeg_at_quality_100_is_nearly_lossless(photo):
    assert error(jpeg(photo, torch.tensor([100.0])), photo) < 1


def test_the_lower_the_quality_the_more_is_lost(photo):
    errors = [error(jpeg(photo, torch.tensor([q])), photo) for q in (98.0, 90.0, 75.0, 50.0)]
    assert errors == sorted(errors)
    assert errors[-1] > 2 * errors[0]


def test_jpeg_loses_about_as_much_as_a_real_encoder(photo):
    pixels = np.ascontiguousarray((photo[0].permute(1, 2, 0) * 255).round().byte().numpy())
    for quality in (75, 90):
        real = imagecodecs.jpeg8_decode(
            imagecodecs.jpeg8_encode(pixels, level=quality, subsampling="444")
        )
        expected = np.sqrt(((real.astype(float) - pixels) ** 2).mean())
        ours = error(jpeg(photo, torch.tensor([float(quality)])), photo)
        assert ours == pytest.approx(expected, rel=0.3)


def test_each_image_of_a_batch_has_its_own_quality(photo):
    both = jpeg(photo.repeat(2, 1, 1, 1), torch.tensor([95.0, 60.0]))
    torch.testing.assert_close(both[:1], jpeg(photo, torch.tensor([95.0])))
    torch.testing.assert_close(both[1:], jpeg(photo, torch.tensor([60.0])))


def test_jpeg_values_are_8_bit_and_an_empty_batch_stays_empty(photo):
    image = jpeg(photo, torch.tensor([70.0])) * 255
    torch.testing.assert_close(image, image.round(), atol=1e-4, rtol=0)
    assert jpeg(photo[:0], torch.empty(0)).shape == (0, 3, 64, 64)


def test_a_grey_image_stays_grey(photo):
    grey = photo.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    spread = jpeg(grey, torch.tensor([80.0]))
    assert float((spread.amax(1) - spread.amin(1)).max()) <= 1.01 / 255


def light(count=32, side=16):
    return torch.rand(count, 3, side, side, generator=generator(1))


def test_without_defects_light_is_coded_and_nothing_else():
    near, far, truth = light(), 1 - light(), light() / 2
    coded_near, coded_far, same = expose(near, far, truth, 0.0, generator())
    torch.testing.assert_close(coded_near, linear_to_srgb(near))
    torch.testing.assert_close(coded_far, linear_to_srgb(far))
    assert torch.equal(same, truth)


def test_defects_stay_in_range_and_grey_is_grey_in_all_three():
    near, far, truth = expose(light(), light(), light(), 1.0, generator())
    for image in (near, far, truth):
        assert image.min() >= 0
        assert image.max() <= 1
    greys = [(image.amax(1) - image.amin(1)).amax((1, 2)) <= 2.1 / 255 for image in (near, far)]
    true_grey = (truth.amax(1) - truth.amin(1)).amax((1, 2)) == 0
    assert torch.equal(greys[0], true_grey)
    assert torch.equal(greys[1], true_grey)
    assert 0.05 < float(true_grey.float().mean()) < 0.5  # a quarter


def test_planes_of_the_same_light_differ_by_noise_and_exposure_alone():
    same = light(64)
    near, far, _ = expose(same, same, same, 1.0, generator())
    spread = (near - far).std((1, 2, 3))
    assert float(spread.max()) > 0
    assert float(spread.max()) < 0.12
    assert float((spread == 0).float().mean()) > 0.1  # some pairs are free of noise


def test_a_seed_makes_the_same_photograph():
    first, again, other = (
        torch.stack(expose(light(), light(), light(), 1.0, generator(seed))) for seed in (4, 4, 5)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
