"""A projection takes the planes around the surface, exactly those, and no second layer."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_focusstack as nfs
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.projection import project

PLANES, SIDE = 12, 96


@pytest.fixture(scope="module")
def epithelium():
    """A curved sheet at planes 2 to 6, and cells of a second layer 4 planes below, twice as bright.

    Returns planes (P, Y, X), the surface (Y, X) in planes from 1, and the light of the sheet.
    """
    rows, columns = np.mgrid[:SIDE, :SIDE] / (SIDE - 1) - 0.5
    surface = 2 + np.rint(8 * (rows**2 + columns**2)).astype(int)
    chance = np.random.default_rng(0)
    sheet = 1000 + np.rint(4000 * gaussian_filter(chance.random((SIDE, SIDE)), 1)).astype(np.uint16)
    below = 10000 + np.rint(9000 * gaussian_filter(chance.random((SIDE, SIDE)), 1))
    numbers = np.arange(1, PLANES + 1)[:, None, None]
    planes = np.full((PLANES, SIDE, SIDE), 100, np.uint16)
    planes = np.where(numbers == surface, sheet, planes)
    planes = np.where(numbers == surface + 4, below, planes).astype(np.uint16)
    return planes, surface, sheet


def test_the_second_layer_is_excluded_and_values_are_exact(epithelium):
    planes, surface, sheet = epithelium
    assert (planes.max(0) > sheet).all()  # a projection of all planes shows the second layer
    for above, below in ((0, 0), (1, 1), (3, 3)):
        made = project(planes, surface, above=above, below=below)
        np.testing.assert_array_equal(made, sheet)
        assert made.dtype == np.uint16
    np.testing.assert_array_equal(project(planes, surface, below=4), planes.max(0))


def counted(planes, surface, above, below):
    """The planes of each pixel, by loops: an independent count."""
    shape = surface.shape
    values = [
        planes[max(0, s - 1 - above) : s + below, y, x] for (y, x), s in np.ndenumerate(surface)
    ]
    return [np.array([f(v) for v in values]).reshape(shape) for f in (np.max, np.sum, np.mean)]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_max_sum_and_mean_are_those_of_the_planes_around(epithelium, dtype):
    planes, surface, _ = epithelium
    planes = (planes // 100).astype(dtype)
    most, total, mean = counted(planes.astype(np.int64), surface, 1, 5)
    options = {"above": 1, "below": 5}
    np.testing.assert_array_equal(project(planes, surface, **options), most)
    summed = project(planes, surface, project="sum", **options)
    np.testing.assert_array_equal(summed, total)
    sums = {"uint8": "uint32", "uint16": "uint32", "int16": "int32"}
    assert summed.dtype == sums.get(dtype, "float64")
    made = project(planes, surface, project="mean", **options)
    assert made.dtype == dtype
    expected = np.rint(mean) if np.dtype(dtype).kind in "iu" else mean
    np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_sums_of_bright_planes_do_not_overflow():
    planes = np.full((9, 16, 16), 65535, np.uint16)
    planes[:, 0, 0] = 0
    made = project(planes, np.full((16, 16), 5), project="sum", above=9, below=9)
    assert made[1, 1] == 9 * 65535


def test_an_offset_takes_what_lies_behind_and_distances_may_be_lengths(epithelium):
    planes, surface, _ = epithelium
    below = np.take_along_axis(planes, surface[None] + 3, 0)[0]
    np.testing.assert_array_equal(project(planes, surface, offset=4), below)
    for step, distance in ((0.5, "2um"), (0.25, "1000 nm"), (1.0, "4")):
        made = project(planes, surface, offset=distance, z_step=step)
        np.testing.assert_array_equal(made, below)
    half = project(planes, surface, offset=3.5)  # rounded to the nearest plane, halves behind
    np.testing.assert_array_equal(half, below)
    lengths = project(planes, surface, above="0.5um", below="1.99um", z_step=0.5)
    np.testing.assert_array_equal(lengths, project(planes, surface, above=1, below=3))


def test_uneven_positions_count_in_lengths(epithelium):
    planes, surface, _ = epithelium
    positions = np.r_[np.arange(6), 8 + 2 * np.arange(6)].astype(float)
    for y, x in ((0, 0), (48, 48), (20, 70)):
        at = positions[surface[y, x] - 1]
        near = (positions >= at - 1.5) & (positions <= at + 3)
        made = project(planes, surface, above="1.5um", below="3um", positions=positions)
        assert made[y, x] == planes[near, y, x].max()


def test_a_surface_between_planes_is_rounded_and_beyond_the_ends_held(epithelium):
    planes, surface, _ = epithelium
    near = project(planes, surface + 0.4)
    np.testing.assert_array_equal(near, project(planes, surface))
    np.testing.assert_array_equal(project(planes, surface, offset=-50), planes[0])
    np.testing.assert_array_equal(project(planes, surface, offset="90um"), planes[-1])


def test_colours_and_pixels_that_are_not_shown(epithelium):
    planes, surface, sheet = epithelium
    colours = np.stack([planes, planes // 2, planes // 3], -1)
    made = project(colours, surface, above=1, below=1)
    np.testing.assert_array_equal(made[..., 0], sheet)
    np.testing.assert_array_equal(made[..., 1], sheet // 2)
    floats = planes.astype(np.float32)
    floats[surface[5, 5] - 1, 5, 5] = np.nan
    floats[:, 9, 9] = np.nan
    made = project(floats, surface, project="mean", above=1, below=1)
    assert made[5, 5] == 100
    assert np.isnan(made[9, 9])


def test_a_result_says_surface_near_end_and_distances(epithelium):
    planes, surface, sheet = epithelium
    options = {"elimination": "none", "device": "cpu", "z_step": 0.5}
    labels = surface.astype(np.uint8)
    for stack, near in ((planes, "first"), (planes[::-1], "last")):
        result = nfs.fuse(stack, labels=labels, near=near, **options)
        made = nfs.project(stack, result, above="1um", below="1.5um")
        np.testing.assert_array_equal(made, sheet)


def test_painted_fixes_are_the_surface(epithelium):
    planes, surface, _ = epithelium
    labels = surface.copy()
    labels[30:40, 30:40] += 4
    made = project(planes, labels)
    np.testing.assert_array_equal(
        made[30:40, 30:40], project(planes, surface, offset=4)[30:40, 30:40]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"project": "median"}, "choose one of max, mean, sum"),
        ({"above": -1}, "give 0 or more"),
        ({"below": "2furlong"}, "no unit of length"),
        ({"below": "2um", "unit": "pixel"}, "give planes"),
        ({"offset": "deep"}, "such as 2um"),
        ({"surface": np.zeros((3, 3))}, "has the shape"),
        ({"surface": np.full((SIDE, SIDE), 13)}, "give planes from 1 to 12"),
    ],
)
def test_what_cannot_be_projected_is_refused(epithelium, options, message):
    planes, surface, _ = epithelium
    with pytest.raises(InputError, match=message):
        project(planes, options.pop("surface", surface), **options)


def test_what_registration_moves_in_is_not_projected(make_focal_stack):
    planes = np.stack(make_focal_stack(5, 1.0).planes("uint16", grey=True)) + 1000
    planes = np.stack([np.roll(plane, 3 * k, 1) for k, plane in enumerate(planes)])
    result = nfs.fuse(planes, register="on", register_model="shift", elimination="none")
    valid = np.stack([result.registration.valid(number) for number in range(1, 6)])
    made = project(planes, result, project="sum", above=5, below=5)
    warped = np.stack([result.registration.warp(planes[k], k + 1) for k in range(5)])
    np.testing.assert_array_equal(made, np.where(valid, warped, 0).sum(0))
    cut = nfs.fuse(planes, register="on", register_model="shift", elimination="none", crop=True)
    assert cut.region != (slice(0, 96), slice(0, 96))
    part = project(planes, cut, project="sum", above=5, below=5)
    np.testing.assert_array_equal(part, made[cut.region])


def test_black_borders_and_planes_that_are_not_chosen_are_not_projected(make_focal_stack):
    planes = np.stack(make_focal_stack(5, 1.0).planes("uint16", grey=True)) // 2 + 9000
    planes[1, :12] = 0
    result = nfs.fuse(planes, planes="2:4", elimination="none")
    least = project(planes, result, project="mean", above=5, below=5)
    assert least[:12].min() > 8000
    expected = np.rint(planes[1:4, 20:].mean(0))
    np.testing.assert_array_equal(least[20:], expected)
