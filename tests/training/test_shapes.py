"""Random foreground shapes: alphas with antialiased edges, from half-planes to hairs."""

import math

import pytest
import torch
from scipy import ndimage

from napari_focusstack.training.shapes import (
    blobs,
    choose,
    filaments,
    mesh,
    place,
    random_alpha,
    smooth_noise,
    soft_step,
    uniform,
)

NO_STORED = torch.empty(0, 1, 160, 160, dtype=torch.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def stored_disk():
    y, x = torch.meshgrid(torch.arange(160.0), torch.arange(160.0), indexing="ij")
    return ((torch.hypot(y - 80, x - 80) < 50) * 255).byte()[None, None]


MAKERS = pytest.mark.parametrize(
    "make", [blobs, filaments, mesh, lambda *args: random_alpha(stored_disk(), *args)]
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


def test_filaments_are_thin():
    alpha = filaments(32, 128, generator(3))
    seen = alpha.amax((1, 2, 3)) > 0.9
    assert float(seen.float().mean()) > 0.8
    for picture in alpha[seen, 0].numpy():
        # The largest circle that fits into crossing strands of at most 6 px stays small ...
        assert ndimage.distance_transform_edt(picture > 0.5).max() < 9
    # ... and a strand on its own is 0.7 to 6 px wide.
    one = filaments(48, 128, generator(4), strands=1)
    depths = [ndimage.distance_transform_edt(picture > 0.5).max() for picture in one[:, 0].numpy()]
    assert 0 < max(depths) <= 4


def test_one_filament_is_an_unbroken_line():
    for picture in filaments(24, 128, generator(5), strands=1)[:, 0].numpy():
        _, pieces = ndimage.label(picture > 0, structure=[[1] * 3] * 3)
        assert pieces <= 3  # it may leave the picture and come back, never fall apart


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


def test_random_alphas_mix_solid_shapes_with_fine_ones_and_cover_neither_all_nor_nothing():
    for stored in (NO_STORED, stored_disk()):
        coverage = random_alpha(stored, 64, 64, generator(8)).mean((1, 2, 3))
        assert 0.25 < float(coverage.mean()) < 0.75
        assert float(coverage.std()) > 0.15


def test_stored_shapes_are_used():
    # A picture of one small speck leaves most of the foregrounds drawn from it almost empty.
    speck = torch.zeros(1, 1, 160, 160, dtype=torch.uint8)
    speck[..., 78:82, 78:82] = 255
    empty = [
        float((random_alpha(stored, 64, 64, generator(9)).mean((1, 2, 3)) < 0.01).float().mean())
        for stored in (speck, NO_STORED)
    ]
    assert empty[0] > empty[1] + 0.2


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
