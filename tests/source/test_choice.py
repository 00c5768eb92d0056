import pytest
import torch

from napari_focusstack.source.choice import agreeing, choose, noise_power

SIDE = 64


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def errors(best):
    """Log errors of two planes: low where ``best`` names them."""
    return torch.stack([torch.where(best == plane, -12.0, -4.0) for plane in (0, 1)])


@pytest.fixture
def best():
    """Plane 0 on the left, plane 1 on the right."""
    return (torch.arange(SIDE) >= SIDE // 2).long().repeat(SIDE, 1)


@pytest.fixture
def planes():
    """A plane with detail, and one that is nearly blank and a little brighter."""
    return torch.stack([0.3 + 0.2 * random(1, SIDE, SIDE), 0.5 + 0.002 * random(1, SIDE, SIDE)])


def test_the_plane_of_the_least_expected_error_is_the_source(planes, best):
    choice = choose(planes, planes, errors(best), 0.001, "none")
    assert torch.equal(choice.source, best)
    assert not choice.share.any()


def test_without_blending_every_pixel_is_one_of_a_plane(planes, best):
    picture = choose(planes, planes, errors(best), 0.001, "none").blended(planes)
    assert ((picture == planes[0]) | (picture == planes[1])).all()


def test_pixels_that_no_plane_shows_leave_the_choice_beside_them(planes, best):
    shown = torch.ones(2, SIDE, SIDE, dtype=torch.bool)
    shown[:, :, 40:44] = False
    choice = choose(planes, planes, errors(best), 0.001, "none", shown)
    assert torch.equal(choice.source[:, :40], best[:, :40])
    assert torch.equal(choice.source[:, 44:], best[:, 44:])


def test_seams_are_blended_and_nothing_else():
    bright, dark = (torch.full((1, SIDE, SIDE), value) for value in (0.60, 0.55))
    two = torch.stack([bright, dark])
    right = (torch.arange(SIDE) >= SIDE // 2).long().repeat(SIDE, 1)
    choice = choose(two, two, errors(right), 0.001, "seams")
    picture = choice.blended(two)[0]
    assert 0 < (choice.share > 0).float().mean() < 0.7
    assert picture.diff(dim=1).abs().max() < 0.02
    assert torch.equal(picture[:, :4], bright[0, :, :4])
    assert torch.equal(picture[:, -4:], dark[0, :, -4:])


def test_a_seam_that_only_the_stored_values_show_is_blended():
    """Display values are clipped there, so that both planes look alike."""
    display = torch.ones(2, 1, SIDE, SIDE)
    coded = torch.stack([torch.full((1, SIDE, SIDE), value) for value in (0.90, 0.95)])
    right = (torch.arange(SIDE) >= SIDE // 2).long().repeat(SIDE, 1)
    assert choose(display, coded, errors(right), 0.001, "seams").share.max() > 0.95


def test_averaging_planes_that_agree_lowers_the_noise():
    truth, count = random(1, SIDE, SIDE, seed=3), 9
    noise = 0.03 * torch.randn(count, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(4))
    noisy = truth + noise
    choice = choose(noisy, noisy, torch.full((count, SIDE, SIDE), -7.0), 0.1, "noise")
    error = (choice.blended(noisy) - truth).square().mean().sqrt()
    assert error < 0.5 * noise.square().mean().sqrt()


def test_where_nothing_speaks_for_a_plane_those_that_agree_are_chosen():
    level = torch.tensor([0.5, 0.5, 0.5, 0.6])[:, None, None, None].expand(4, 1, SIDE, SIDE)
    logs = agreeing(level, torch.full((4, SIDE, SIDE), -9.0), 2.0)
    assert (logs[3] > logs[0] + 1).all()


def test_weights_are_softer_the_more_noise_there_is():
    powers = [noise_power(noise) for noise in (0.0, 0.02, 0.05, 0.2)]
    assert powers == sorted(powers, reverse=True)
    assert powers[0] == 2.5
    assert powers[-1] == pytest.approx(1.0, abs=0.02)


def test_a_pixel_alone_does_not_change_the_plane():
    planes = torch.full((2, 1, SIDE, SIDE), 0.5)
    logs = torch.tensor([-5.0, -5.2])[:, None, None].repeat(1, SIDE, SIDE)
    logs[1, 30, 30] = -4.9
    assert (choose(planes, planes, logs.clone(), 0.001, "none").source == 1).all()
    logs[1, 30, 30] = 0.0  # an expected error that is clearly greater does
    assert choose(planes, planes, logs, 0.001, "none").source[30, 30] == 0


@pytest.mark.parametrize("noise", [0.001, 0.02, 0.2])
def test_planes_are_averaged_by_the_power_of_the_noise(noise):
    planes = torch.full((2, 1, SIDE, SIDE), 0.5)
    logs = torch.tensor([-7.0, -8.0])[:, None, None].repeat(1, SIDE, SIDE)
    weights = choose(planes, planes, logs, noise, "noise").weights[:, 5, 5]
    assert weights.sum() == pytest.approx(1.0)
    assert float(torch.log(weights[1] / weights[0])) == pytest.approx(noise_power(noise), abs=1e-4)


def test_noise_hides_a_step_that_would_be_a_seam(best):
    two = torch.stack([torch.full((1, SIDE, SIDE), value) for value in (0.500, 0.516)])
    shares = [choose(two, two, errors(best), noise, "seams").share.max() for noise in (0.001, 0.2)]
    assert shares[0] > 0.2
    assert shares[1] == 0


def test_the_seams_of_an_average_are_those_that_it_has_itself(best):
    """Planes that are nearly as good as each other mix evenly, without a step."""
    two = torch.stack([torch.full((1, SIDE, SIDE), value) for value in (0.55, 0.60)])
    close = torch.stack([torch.where(best == plane, -9.1, -9.0) for plane in (0, 1)])
    assert choose(two, two, close, 0.2, "seams").share.max() > 0.9
    assert not choose(two, two, close, 0.2, "noise").share.any()
