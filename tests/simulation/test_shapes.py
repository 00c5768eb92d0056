"""Random foreground shapes: alphas with antialiased edges, and what places and mixes them."""

import math

import pytest
import torch

from napari_focusstack.simulation.shapes import (
    alter,
    blobs,
    choose,
    mesh,
    place,
    smooth_noise,
    soft_step,
    stored_alpha,
    uniform,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def stored_disk(radius, middle=(112, 112)):
    """One stored alpha with a disk, (1, 1, 224, 224) uint8."""
    y, x = torch.meshgrid(torch.arange(224.0), torch.arange(224.0), indexing="ij")
    inside = torch.hypot(y + 0.5 - middle[0], x + 0.5 - middle[1]) < radius
    return (inside * 255).byte()[None, None]


MAKERS = pytest.mark.parametrize(
    "make", [blobs, mesh, lambda *args: stored_alpha(stored_disk(70), *args)]
)


@MAKERS
def test_shapes_are_alphas_of_the_size_asked_for(make):
    alpha = make(6, 72, generator())
    assert alpha.shape == (6, 1, 72, 72)
    assert alpha.dtype == torch.float32
    assert torch.isfinite(alpha).all()
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@MAKERS
def test_a_seed_makes_the_same_shapes(make):
    first, again, other = (make(3, 64, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_blobs_have_an_inside_an_outside_and_a_narrow_edge():
    alpha = blobs(24, 128, generator(6))
    inside, outside = (float((alpha == value).float().mean()) for value in (1, 0))
    assert 0.2 < inside < 0.8
    assert 0.2 < outside < 0.8
    assert inside + outside > 0.9


def test_mesh_bars_repeat():
    alpha = mesh(16, 128, generator(7))
    coverage = alpha.mean((1, 2, 3))
    assert ((coverage > 0.05) & (coverage < 0.95)).all()
    crossings = ((alpha[:, 0, 64, 1:] > 0.5) != (alpha[:, 0, 64, :-1] > 0.5)).sum(1)
    assert float(crossings.float().mean()) > 3


def test_a_soft_step_is_half_at_the_edge():
    distance = torch.tensor([-2.0, -0.5, 0.0, 0.25, 2.0])
    assert soft_step(distance, 1.0).tolist() == [0, 0, 0.5, 0.75, 1]
    assert soft_step(distance, 4.0).tolist() == [0, 0.375, 0.5, 0.5625, 1]


def test_smooth_noise_has_no_mean_and_unit_variance():
    field = smooth_noise(5, 64, 3, generator())
    torch.testing.assert_close(field.mean((1, 2, 3)), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(field.var((1, 2, 3), correction=0), torch.ones(5))
    assert float(field.diff(dim=-1).abs().max()) < 0.2 * float(field.amax() - field.amin())


def test_placing_without_change_is_the_picture_itself():
    picture = torch.rand(2, 3, 32, 32, generator=generator())
    one, none = torch.ones(2), torch.zeros(2)
    placed = place(picture, 32, one, none, torch.zeros(2, 2), padding="zeros")
    torch.testing.assert_close(placed, picture, atol=1e-5, rtol=0)


def test_placing_turns_magnifies_and_shifts():
    picture = torch.zeros(1, 1, 33, 33)
    picture[..., 16, 24] = 1.0  # 8 px to the right of the middle

    def peak(zoom=1.0, angle=0.0, shift=(0.0, 0.0)):
        placed = place(
            picture,
            33,
            torch.tensor([zoom]),
            torch.tensor([angle]),
            torch.tensor([shift]),
            padding="zeros",
        )
        return divmod(int(placed.argmax()), 33)

    assert peak() == (16, 24)
    assert peak(zoom=0.5) == (16, 20)
    assert peak(angle=math.pi / 2) in ((8, 16), (24, 16))
    assert peak(shift=(8 / 33, 0.0)) == (16, 20)  # half sides, as in a sampling grid


def test_uniform_and_choose_do_what_they_say():
    numbers = uniform((4000,), -2, 6, generator())
    assert -2 <= float(numbers.min()) < float(numbers.max()) <= 6
    assert float(numbers.mean()) == pytest.approx(2, abs=0.15)
    assert float(choose(4000, 0.3, generator()).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_alter_changes_about_the_share_and_leaves_the_rest_bit_for_bit():
    pictures = torch.rand(400, 1, 8, 8, generator=generator(10))
    given = pictures.clone()
    seen = []

    def change(chosen):
        seen.append(chosen.clone())
        return chosen.mul_(0).sub_(1)  # even in place

    altered = alter(pictures, 0.3, change, generator(11))
    assert torch.equal(pictures, given)
    changed = (altered == -1).all((1, 2, 3))
    assert float(changed.float().mean()) == pytest.approx(0.3, abs=0.07)
    assert torch.equal(altered[~changed], given[~changed])
    assert torch.equal(seen[0], given[changed])


@pytest.mark.parametrize(("share", "changed"), [(0.0, 0), (1.0, 5)])
def test_alter_changes_none_or_all(share, changed):
    pictures = torch.zeros(5, 1, 4, 4)
    altered = alter(pictures, share, torch.ones_like, generator())
    assert int(altered.amax((1, 2, 3)).sum()) == changed


def test_stored_alphas_are_placed_at_half_to_one_and_a_half_of_the_side():
    side, radius = 96, 0.08
    placed = stored_alpha(stored_disk(radius * 224), 300, side, generator(12))[:, 0]
    edge = torch.ones(side, side, dtype=torch.bool)
    edge[2:-2, 2:-2] = False
    whole = (placed[:, edge].amax(1) == 0) & (placed.amax((1, 2)) > 0)
    assert float(whole.float().mean()) > 0.5
    zoom = (placed[whole].sum((1, 2)) / math.pi).sqrt() / (radius * side)
    assert 0.48 < float(zoom.min()) < 0.6
    assert 1.4 < float(zoom.max()) < 1.62
    grid = torch.arange(side) - (side - 1) / 2
    middle = (placed[whole].sum(1) * grid).sum(1) / placed[whole].sum((1, 2))
    assert float(middle.mean()) == pytest.approx(0, abs=3)
    assert float(middle.std()) > 8


def test_beyond_a_stored_alpha_there_is_nothing():
    full = torch.full((1, 1, 224, 224), 255, dtype=torch.uint8)
    coverage = stored_alpha(full, 64, 64, generator()).mean((1, 2, 3))
    assert 0.1 < float(coverage.min()) < 0.35  # at half the size a quarter, less if partly beside
    assert float(coverage.max()) > 0.99


def test_stored_alphas_are_turned():
    bar = torch.zeros(1, 1, 224, 224, dtype=torch.uint8)
    bar[..., 108:116, :] = 255
    placed = stored_alpha(bar, 48, 64, generator(13))[:, 0]
    rows, columns = placed.amax(2).sum(1), placed.amax(1).sum(1)
    assert int((rows > 2 * columns).sum()) > 4  # upright
    assert int((columns > 2 * rows).sum()) > 4  # level


def test_each_stored_alpha_is_drawn_as_often():
    stored = torch.cat([torch.zeros(1, 1, 224, 224, dtype=torch.uint8), stored_disk(160)])
    empty = stored_alpha(stored, 300, 16, generator(14)).amax((1, 2, 3)) == 0
    assert float(empty.float().mean()) == pytest.approx(0.5, abs=0.1)
