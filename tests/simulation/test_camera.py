"""What the simulated camera does to light."""

import imagecodecs
import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.imaging.luminance import LINEAR_WEIGHTS
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear
from napari_focusstack.simulation.camera import expose, jpeg


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


@pytest.fixture(scope="module")
def shots():
    """Light in the middle of the range, and what becomes of it: (light, near, far, truth)."""
    middle = 0.3 + 0.4 * light(400, 24)
    near, far, truth = expose(middle, middle, middle, 1.0, generator(2))
    return middle, srgb_to_linear(near), srgb_to_linear(far), truth


def is_grey(truth):
    return (truth.amax(1) - truth.amin(1)).amax((1, 2)) == 0


def in_steps_of_8_bits(plane):
    """Whether each linear plane holds multiples of 1/255 in sRGB, (B,)."""
    coded = linear_to_srgb(plane) * 255
    return (coded - coded.round()).abs().amax((1, 2, 3)) < 1e-2


def test_the_exposure_of_the_far_plane_varies_by_a_few_percent(shots):
    _, near, far, _ = shots
    gain = far.mean((1, 2, 3)) / near.mean((1, 2, 3)) - 1
    changed = gain.abs() > 0.003
    assert float(changed.float().mean()) == pytest.approx(0.35, abs=0.08)
    assert float(gain[changed].std()) == pytest.approx(0.022, abs=0.005)
    assert float(gain[changed].mean()) == pytest.approx(0, abs=0.006)


def test_the_truth_is_as_dim_and_as_vignetted_as_the_planes(shots):
    middle, near, _, truth = shots
    luminance = (middle * torch.tensor(LINEAR_WEIGHTS)[:, None, None]).sum(1, keepdim=True)
    given = torch.where(is_grey(truth)[:, None, None, None], luminance, middle)
    arriving = truth / given
    # All channels alike, and never more than there was.
    assert float((arriving.amax(1) - arriving.amin(1)).max()) < 1e-5
    assert float(arriving.max()) <= 1 + 1e-5
    centre, corner = arriving[:, 0, 11:13, 11:13].mean((1, 2)), arriving[:, 0, 0, 0]
    dim, vignetted = centre < 0.98, corner < 0.95 * centre
    assert 0.05 < float(dim.float().mean()) < 0.3
    assert 0.1 < float(centre.min()) < 0.4
    assert 0.1 < float(vignetted.float().mean()) < 0.3
    assert 0.3 < float((corner / centre).min()) < 0.6
    # The planes show the same light, corner by corner, but for noise and rounding.
    for part in (np.s_[..., 10:14, 10:14], np.s_[..., :4, :4], np.s_[..., -4:, -4:]):
        shown, true = near[part].mean((1, 2, 3)), truth[part].mean((1, 2, 3))
        assert float((shown - true).abs().max()) < 0.03
        assert float((shown / true - 1).mean()) == pytest.approx(0, abs=0.005)


def test_the_truth_is_free_of_noise(shots):
    middle, _, _, truth = shots
    colour = ~is_grey(truth)
    untouched = (truth == middle).all((1, 2, 3))  # those neither grey, dim nor vignetted
    assert 0.5 < float(untouched[colour].float().mean()) < 0.85


def test_some_pairs_are_finer_than_8_bits_and_both_planes_of_a_pair_alike(shots):
    _, near, far, _ = shots
    coarse = in_steps_of_8_bits(near)
    assert torch.equal(coarse, in_steps_of_8_bits(far))
    assert float(coarse.float().mean()) == pytest.approx(0.7, abs=0.1)


def test_grey_scenes_are_noisier(shots):
    # Where nothing is rounded or compressed, what is left of a plane without its truth is noise.
    _, near, _, truth = shots
    noise = (near - truth).std((1, 2, 3))
    fine = ~in_steps_of_8_bits(near)
    noisy = fine & (noise > 1e-4)
    assert 0.2 < float(noisy[fine].float().mean()) < 0.9  # the rest is free of noise
    grey = is_grey(truth)
    levels = [float(noise[noisy & kind].mean()) for kind in (grey, ~grey)]
    assert levels[0] > 1.2 * levels[1]
    assert 0.004 < levels[1] < 0.012
    assert float(noise[noisy].max()) < 0.05


def test_the_noise_of_the_two_planes_is_independent(shots):
    _, near, far, truth = shots
    same_exposure = (far.mean((1, 2, 3)) / near.mean((1, 2, 3)) - 1).abs() < 0.001
    chosen = ~in_steps_of_8_bits(near) & same_exposure
    noise = torch.stack([(near - truth)[chosen].flatten(), (far - truth)[chosen].flatten()])
    assert float(torch.corrcoef(noise)[0, 1]) == pytest.approx(0, abs=0.05)


def test_defects_are_scaled():
    middle = 0.3 + 0.4 * light(64)
    errors, arriving = [], []
    for defects in (0.25, 1.0):
        near, _, truth = expose(middle, middle, middle, defects, generator(3))
        arriving.append((truth / middle)[~is_grey(truth)])
        fine = ~in_steps_of_8_bits(srgb_to_linear(near))
        errors.append(float((srgb_to_linear(near) - truth)[fine].std()))
    assert errors[1] == pytest.approx(4 * errors[0], rel=0.15)
    torch.testing.assert_close(arriving[0] ** 4, arriving[1])
    assert float(arriving[1].min()) < 0.7
