"""Hot and dead pixels are found and filled; what the optics made is left alone."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_focusstack.planes.defects import Defects


@pytest.fixture
def chance():
    return np.random.default_rng(0)


@pytest.fixture
def planes(chance):
    """Five planes of a textured surface, 1.3 px of blur from plane to plane, 12 bits."""
    texture = gaussian_filter(chance.random((128, 128)), 0.8)
    texture = (texture - texture.min()) / np.ptp(texture)
    blurred = [gaussian_filter(texture, 1.3 * abs(2 - k)) if k != 2 else texture for k in range(5)]
    return [(500 + 3000 * plane).astype(np.uint16) for plane in blurred]


def test_planes_without_faults_have_none(planes):
    assert Defects.of(planes) is None


def test_pixels_that_a_particle_struck_are_filled_in_their_plane_alone(planes, chance):
    struck = [np.where(chance.random((128, 128)) < 0.001, 65535, plane) for plane in planes]
    struck = [plane.astype(np.uint16) for plane in struck]
    hit = sum(int((plane == 65535).sum()) for plane in struck)

    defects = Defects.of(struck)
    mended = defects.mend(struck)

    assert defects.count >= 0.9 * hit
    assert sum(int((plane > 4000).sum()) for plane in mended) <= 0.1 * hit
    for plane, before, after, places in zip(planes, struck, mended, defects.places, strict=True):
        untouched = np.ones(plane.shape, bool)
        untouched[tuple(places)] = False
        np.testing.assert_array_equal(after[untouched], before[untouched])
        if number := len(places[0]):
            off = np.abs(after.astype(float) - plane)[~untouched]
            assert off.mean() < 600, number  # the texture has a range of 3000


@pytest.mark.parametrize(
    ("dtype", "offset"), [("int16", -2000), ("int32", 2**30), ("int64", 2**50), ("float64", -0.5)]
)
def test_faults_of_other_numbers_are_those_of_the_same_pixels(planes, dtype, offset):
    planes[1][40, 50] = 9000
    scale = 1e-4 if dtype == "float64" else 1
    others = [(plane * scale + offset).astype(dtype) for plane in map(np.float64, planes)]
    defects = Defects.of(others)
    for places, expected in zip(defects.places, Defects.of(planes).places, strict=True):
        np.testing.assert_array_equal(places, expected)
    assert defects.values[1].dtype == dtype


def test_two_pixels_struck_at_once_are_both_filled(planes):
    planes[1][40, 50:52] = 65535
    defects = Defects.of(planes)
    assert defects.places[1].tolist() == [[40, 40], [50, 51]]


def test_pixels_that_are_hot_in_every_plane_are_filled_in_all(planes, chance):
    hot = tuple(chance.integers(5, 120, (2, 20)))
    faulty = [plane.copy() for plane in planes]
    for plane in faulty:
        plane[hot] += 1500
    defects = Defects.of(faulty)
    found = [set(zip(*places.tolist(), strict=True)) for places in defects.places]
    true = set(zip(*(at.tolist() for at in hot), strict=True))
    in_all = set.intersection(*found)
    assert in_all <= true
    assert len(in_all) >= 0.4 * len(true)  # others do not stand out of the texture in focus
    assert all(each <= true for each in found)


@pytest.mark.parametrize("sigma_px", [0.5, 0.7, 1.0])
def test_beads_are_no_faults(chance, sigma_px):
    rows, columns = np.mgrid[:200, :200]
    planes = chance.normal(100, 5, (7, 200, 200))
    for row, column, focus in chance.uniform((5, 5, 0), (195, 195, 6), (60, 3)):
        distance = (rows - row) ** 2 + (columns - column) ** 2
        for number, plane in enumerate(planes):
            spread = sigma_px**2 + (0.8 * (number - focus)) ** 2
            plane += 2000 * sigma_px**2 / spread * np.exp(-distance / 2 / spread)
    assert Defects.of(list(planes.clip(0).astype(np.uint16))) is None


def test_colour_planes_are_filled_in_all_channels(planes):
    colour = [np.stack([plane // 16] * 3, -1).astype(np.uint8) for plane in planes]
    colour[3][60, 70] = (255, 0, 0)
    colour[3][60, 70, 1:] = colour[3][60, 71, 1:]
    defects = Defects.of([plane // 2 for plane in colour])
    if defects is not None:
        assert defects.values[3].shape[1:] == (3,)


def test_flat_planes_have_no_faults():
    flat = np.full((40, 40), 7, np.uint8)
    flat[3, 4] = 9
    assert Defects.of([flat, flat]) is None
