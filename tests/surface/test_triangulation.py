"""Depth maps as surfaces: right place, right colour, no skirts, holes stay, bounded in size."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.surface.triangulation import surface_of

SIDE = 64


def slope(height=SIDE, width=SIDE):
    """Depth that rises by 0.1 per column and by 0.05 per row."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return 0.1 * x + 0.05 * y


def picture(height=SIDE, width=SIDE, dtype="uint8"):
    """Red tells the column, green the row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([3 * x, 3 * y, np.full_like(x, 7)], -1).astype(dtype)


def step(high=10.0):
    """A near square, 20 px wide, before a far wall."""
    depth = np.full((SIDE, SIDE), high, np.float32)
    depth[20:40, 20:40] = 0
    return depth


def areas(surface):
    """Signed area of each triangle in the image, px^2 for unit spacing."""
    corners = surface.vertices[surface.faces]
    (ay, ax), (by, bx) = (corners[:, k, 1:].T - corners[:, 0, 1:].T for k in (1, 2))
    return (ay * bx - ax * by) / 2


def test_a_slope_becomes_a_closed_sheet_in_world_units():
    surface = surface_of(slope(), picture(), (2.0, 0.5, 0.25))
    z, y, x = surface.vertices.T
    assert surface.vertices.shape == (SIDE**2, 3)
    assert surface.faces.shape == (2 * (SIDE - 1) ** 2, 3)
    np.testing.assert_allclose(z, 2 * (0.1 * x / 0.25 + 0.05 * y / 0.5), atol=1e-4)
    assert (y.min(), y.max(), x.min(), x.max()) == (0, 31.5, 0, 15.75)
    assert np.allclose(areas(surface).sum(), 31.5 * 15.75)


def test_two_numbers_of_spacing_leave_depth_as_it_is():
    surface = surface_of(slope(), picture(), (0.5, 0.25))
    assert np.isclose(surface.vertices[:, 0].max(), slope().max())


def test_every_triangle_turns_the_same_way():
    uneven = slope() + np.random.default_rng(0).random((SIDE, SIDE), np.float32) / 5
    for dz in (1, -1):
        assert (areas(surface_of(uneven, picture(), (dz, 1, 1))) > 0).all()


def test_a_vertex_knows_its_colour_and_its_place_in_the_texture():
    surface = surface_of(slope(), picture())
    _, y, x = surface.vertices.T
    np.testing.assert_array_equal(surface.colours, np.stack([3 * x, 3 * y, 7 + 0 * x], 1))
    u, v = surface.texcoords.T
    np.testing.assert_allclose(u * SIDE, x + 0.5, atol=1e-4)
    np.testing.assert_allclose((1 - v) * SIDE, y + 0.5, atol=1e-4)


def test_grey_images_give_one_value_per_vertex():
    surface = surface_of(slope(), picture()[..., 0])
    np.testing.assert_array_equal(surface.colours, 3 * surface.vertices[:, 2])


def test_foreground_and_background_are_not_joined():
    surface = surface_of(step(), picture())
    corners = surface.vertices[surface.faces][..., 0]
    assert (corners.min(1) == corners.max(1)).all()
    # The ring of squares around the foreground is open, but for half of each at its corners.
    assert len(surface.faces) == 2 * (63**2 - (21**2 - 19**2)) + 4


def test_the_edge_of_the_foreground_stays_where_it_is_when_vertices_are_few():
    surface = surface_of(step(), picture(), most_faces=1000)
    z, y, x = surface.vertices.T
    assert set(z) == {0, 10}  # no depth in between
    block = np.diff(np.unique(x))[0]
    near = (np.abs(y - 29.5) < 10 - block) & (np.abs(x - 29.5) < 10 - block)
    far = (np.abs(y - 29.5) > 10 + block) | (np.abs(x - 29.5) > 10 + block)
    assert near.sum() >= 4
    assert (z[near] == 0).all()
    assert (z[far] == 10).all()


def test_steps_of_one_plane_in_many_stay_joined():
    stairs = np.floor(slope() * 2)  # 0..18 in steps of one
    surface = surface_of(stairs.astype(np.float32), picture())
    assert len(surface.faces) == 2 * 63**2


def test_a_steep_slope_seen_in_few_vertices_stays_whole():
    surface = surface_of(slope(), picture(), most_faces=60)
    assert len(surface.faces) == 50
    assert surface.jump > np.ptp(surface.vertices[surface.faces][..., 0], axis=1).max()


def test_a_given_jump_is_kept_to():
    tight, loose = (surface_of(step(), picture(), (3, 1, 1), jump=jump) for jump in (9.9, 10.1))
    assert len(tight.faces) < len(loose.faces) == 2 * 63**2
    assert np.isclose(tight.jump, 29.7)


def test_unknown_pixels_leave_holes_of_their_size():
    depth = slope()
    depth[10:20, 30:40] = np.nan
    depth[0, 0] = np.inf
    surface = surface_of(depth, picture())
    assert np.isfinite(surface.vertices).all()
    # A square with one corner unknown keeps half of itself.
    assert np.isclose(areas(surface).sum(), 63**2 - 11**2 + 4 * 0.5 - 0.5)
    y, x = surface.vertices[:, 1:].T
    assert not ((y >= 10) & (y < 20) & (x >= 30) & (x < 40)).any()


def test_no_vertex_is_without_a_triangle():
    depth = slope()
    depth[:2, :] = np.nan
    depth[0, 5] = 1  # alone
    surface = surface_of(depth, picture())
    np.testing.assert_array_equal(np.unique(surface.faces), np.arange(len(surface.vertices)))
    assert surface.vertices[:, 1].min() == 2


@pytest.mark.parametrize("most", [200, 3000, 500_000])
@pytest.mark.parametrize("shape", [(64, 64), (61, 117), (19, 300)])
def test_faces_are_bounded_and_the_sheet_still_covers_the_image(shape, most):
    surface = surface_of(slope(*shape), picture(*shape), most_faces=most)
    block = int(np.ceil(np.sqrt(2 * shape[0] * shape[1] / most)))
    assert len(surface.faces) <= most
    for length, positions in zip(shape, surface.vertices[:, 1:].T, strict=True):
        assert positions.min() < block
        assert length - block <= positions.max() <= length - 1
    z, y, x = surface.vertices.T
    inner = (y < shape[0] - block) & (x < shape[1] - block)
    assert np.abs(z - 0.1 * x - 0.05 * y)[inner].max() < 0.15  # half a step between blocks' pixels


@pytest.mark.parametrize(
    ("depth", "image", "options", "message"),
    [
        (np.zeros((3, 4, 5), np.float32), picture(), {}, r"\(3, 4, 5\); give \(Y, X\)"),
        (slope(), picture(60, 64), {}, r"shape \(60, 64, 3\); give \(64, 64\)"),
        (slope(), picture(dtype="complex64"), {}, "image is of type complex64"),
        (np.full((8, 8), np.nan, np.float32), picture(8, 8), {}, "no known value"),
        (slope(), picture(), {"spacing": (1, 0.5, 0)}, r"spacing is \(1.0, 0.5, 0.0\)"),
        (slope(), picture(), {"spacing": (0, 1, 1)}, "dz not 0"),
        (slope(), picture(), {"spacing": (1,)}, "spacing is"),
        (slope(), picture(), {"most_faces": 1}, "most_faces is 1"),
        (slope(), picture(), {"jump": 0.01}, "differ by less than 0.01"),
    ],
)
def test_what_does_not_fit_is_named(depth, image, options, message):
    with pytest.raises(InputError, match=message):
        surface_of(depth, image, **options)
