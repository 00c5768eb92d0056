import pytest
import torch

from napari_focusstack.source.seams import REACH_PX, multiband, seam_share


def blank(value):
    return torch.full((1, 64, 64), value)


def halves(left, right):
    return torch.cat([left[..., :32], right[..., 32:]], -1)


def test_two_blank_planes_of_different_brightness_meet_in_a_seam():
    bright, dark = blank(0.60), blank(0.55)
    share = seam_share(halves(bright, dark), torch.stack([bright, dark]), 0.02)
    assert share[32, 31] > 0.95
    assert share[32, 32] > 0.95
    far = 2 * REACH_PX + 4
    assert not share[:, : 32 - far].any()
    assert not share[:, 32 + far :].any()


def test_an_edge_that_a_plane_has_is_no_seam():
    edge = halves(blank(0.2), blank(0.8))
    assert not seam_share(edge, torch.stack([edge, blank(0.5)]), 0.02).any()


def test_a_step_below_what_is_visible_is_left():
    bright, dark = blank(0.51), blank(0.50)
    assert not seam_share(halves(bright, dark), torch.stack([bright, dark]), 0.02).any()


def test_a_seam_of_one_channel_counts():
    one, other = (torch.cat([blank(0.5), blank(0.5), blank(b)]) for b in (0.3, 0.4))
    assert seam_share(halves(one, other), torch.stack([one, other]), 0.02).max() > 0.95


def test_blending_by_one_plane_returns_it():
    planes = torch.rand(3, 2, 64, 96, generator=torch.Generator().manual_seed(0))
    weights = torch.zeros(3, 64, 96)
    weights[1] = 1
    assert torch.allclose(multiband(planes, weights), planes[1], atol=1e-5)


def test_a_blend_has_no_step_where_planes_meet():
    bright, dark = blank(0.60), blank(0.50)
    weights = torch.cat([halves(blank(1.0), blank(0.0)), halves(blank(0.0), blank(1.0))])
    blended = multiband(torch.stack([bright, dark]), weights)[0]
    assert blended.diff(dim=1).abs().max() < 0.01
    assert blended[32, 0] > blended[32, -1] + 0.03


def test_detail_of_the_chosen_plane_stays_sharp():
    texture = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(1)) * 0.2
    planes = torch.stack([texture + 0.4, blank(0.45)])
    weights = torch.cat([halves(blank(1.0), blank(0.0)), halves(blank(0.0), blank(1.0))])
    kept = multiband(planes, weights)[0][:, 4:28].diff(dim=1)
    assert torch.allclose(kept, texture[0][:, 4:28].diff(dim=1), atol=0.05)


def test_rows_are_looked_at_as_columns_are():
    planes = 0.02 * torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    planes[1, 1] += 0.2
    picture = torch.cat([planes[0, ..., :32], planes[1, ..., 32:]], -1)
    share = seam_share(picture, planes, 0.02)
    across = seam_share(picture.transpose(1, 2), planes.transpose(2, 3), 0.02)
    assert share.max() > 0.9
    assert torch.allclose(across, share.T, atol=1e-5)


def test_a_seam_of_one_channel_counts_along_rows():
    one, other = (torch.cat([blank(0.5), blank(0.5), blank(b)]) for b in (0.3, 0.4))
    picture = halves(one, other).transpose(1, 2)
    assert seam_share(picture, torch.stack([one, other]), 0.02).max() > 0.95


def test_an_edge_that_a_plane_has_a_pixel_away_is_no_seam():
    edge = halves(blank(0.2), blank(0.8))
    assert not seam_share(edge.roll(1, -1)[..., 1:], edge[None][..., 1:], 0.02).any()
    assert seam_share(edge.roll(3, -1)[..., 3:], edge[None][..., 3:], 0.02).any()


@pytest.mark.parametrize("side", [96, 100, 128])
def test_a_blend_is_centred_on_the_seam(side):
    """Mirrored planes give the mirrored blend, whatever the size of the picture."""
    planes = torch.stack([torch.full((1, side, side), value) for value in (0.6, 0.5)])
    left = (torch.arange(side) < side // 2).float().expand(side, side)
    for weights in (left, left.T):
        blended = multiband(planes, torch.stack([weights, 1 - weights]))[0]
        turned = blended.flip(0, 1)
        assert (blended + turned - 1.1).abs().max() < 0.01
