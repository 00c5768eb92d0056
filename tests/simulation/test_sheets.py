"""Pairs that show little detail, and what they are made of."""

import pytest
import torch

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.simulation import sheets
from napari_focusstack.simulation.material import CUTOUT_PX, SHAPE_PX, SourceImages
from napari_focusstack.simulation.sheets import marked, plain, sheet, sparse_pair
from napari_focusstack.simulation.textures import texture


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def material():
    """Photos that are all fine detail."""
    return SourceImages(
        torch.randint(0, 256, (4, 3, 128, 128), generator=generator(99)).byte(),
        torch.empty(0, 1, SHAPE_PX, SHAPE_PX, dtype=torch.uint8),
        torch.empty(0, 4, CUTOUT_PX, CUTOUT_PX, dtype=torch.uint8),
    )


def detailed(light):
    """Share of pixels that show an edge of 2% at least."""
    display = linear_to_srgb(light).mean(1, keepdim=True)
    return float((laplacian(display).abs() > 0.02).float().mean())


def test_a_pair_has_its_shape_and_range_and_repeats(material):
    pair, again, other = (sparse_pair(material, 96, generator(seed)) for seed in (1, 1, 2))
    assert pair.near.shape == pair.far.shape == pair.all_in_focus.shape == (1, 3, 96, 96)
    assert pair.alpha.shape == (1, 1, 96, 96)
    for image in (pair.near, pair.far, pair.alpha):
        assert image.min() >= 0
        assert image.max() <= 1
    assert torch.equal(pair.near, again.near)
    assert not torch.equal(pair.near, other.near)


def test_the_foreground_is_sharp_in_the_near_plane_and_the_background_in_the_far_one(material):
    sharper = []
    for seed in range(30):
        pair = sparse_pair(material, 96, generator(seed))
        near, far = (laplacian(p.mean(1, keepdim=True)).abs() for p in (pair.near, pair.far))
        for side, own, other in ((pair.alpha > 0.99, near, far), (pair.alpha < 0.01, far, near)):
            if side.any() and own[side].mean() > 0.02:  # it shows something
                sharper.append(float(own[side].mean()) > float(other[side].mean()))
    assert len(sharper) > 20
    assert sum(sharper) / len(sharper) > 0.9


def test_no_pair_is_plain_before_and_behind(material, monkeypatch):
    monkeypatch.setattr(sheets, "FOREGROUNDS", {"plain": 1.0})
    monkeypatch.setattr(sheets, "BACKGROUNDS", {"plain": 1.0})
    shown = [sparse_pair(material, 96, generator(seed)) for seed in range(6)]
    assert all(detailed(pair.all_in_focus) > 0.02 for pair in shown)


def test_a_plain_surface_shows_no_detail_and_a_marked_one_some_in_rows(material):
    photo = texture(material, 1, 128, 0.0, generator())
    shares = [detailed(marked(material, 128, generator(seed))) for seed in range(20)]
    blank = [detailed(plain(material, 128, generator(seed))) for seed in range(20)]
    assert max(blank) < 0.01
    assert 0.02 < sum(shares) / len(shares) < 0.6 * detailed(photo)
    assert max(shares) < detailed(photo)


def test_sheets_are_cut_by_the_border_or_not_and_have_holes_at_times():
    drawn = [sheet(64, generator(seed)) for seed in range(40)]
    assert all(each.shape == (1, 1, 64, 64) for each in drawn)
    cover = torch.stack([each.mean() for each in drawn])
    assert cover.min() < 0.2
    assert cover.max() > 0.6
    soft = torch.stack([((each > 0) & (each < 1)).float().mean() for each in drawn])
    assert soft.max() < 0.1  # antialiased edges alone
