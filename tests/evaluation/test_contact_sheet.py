"""The picture sheet: a row per case, the hardest spot of each, magnified."""

import numpy as np
import pytest

from napari_focusstack.evaluation.contact_sheet import CAPTION_PX, CROP_PX, ZOOM, contact_sheet
from napari_focusstack.evaluation.score import Scores

CELL = (CROP_PX * ZOOM + CAPTION_PX + 2, CROP_PX * ZOOM + 2)


def noise(shape, dtype="uint8", seed=0):
    peak = {"uint8": 256, "uint16": 30001}[dtype]
    return np.random.default_rng(seed).integers(0, peak, shape).astype(dtype)


def case(name="a", size=(120, 160), spot=(40, 110), truth=True, dtype="uint8", grey=False, tr=20.0):
    """Planes that differ in a square of 12 px around a spot inside the region alone."""
    near = noise(size if grey else (*size, 3), dtype)
    far = near.copy()
    where = tuple(slice(at - 6, at + 6) for at in spot)
    far[where] = near[where] // 4
    region = np.zeros(size, bool)
    region[where] = True
    images = {"near": near, "far": far, "none": far, "unmix": near}
    if truth:
        images["truth"] = near
    rows = [{"case": name, "image": "none"}, {"case": name, "image": "unmix"}]
    if truth:
        rows[0]["tr"] = rows[1]["tr"] = tr
    return Scores(rows, images, region)


def cells(sheet):
    """The picture, without caption and frame, of each cell: rows of (64, 64, 3), not magnified."""
    height, width = CELL
    return [
        [
            sheet[top + CAPTION_PX + 1 : top + height - 1, left + 1 : left + width - 1][
                ZOOM // 2 :: ZOOM, ZOOM // 2 :: ZOOM
            ]
            for left in range(0, sheet.shape[1], width)
        ]
        for top in range(0, sheet.shape[0], height)
    ]


def captions(sheet, row):
    """The captions of a row of the sheet, one picture each."""
    top, width = row * CELL[0], CELL[1]
    return [
        sheet[top : top + CAPTION_PX, left : left + width]
        for left in range(0, sheet.shape[1], width)
    ]


def test_a_sheet_is_a_picture_with_a_row_per_case_and_a_cell_per_image():
    sheet = contact_sheet([case("a"), case("b"), case("c")])
    assert sheet.dtype == np.uint8
    assert sheet.shape == (3 * CELL[0], 5 * CELL[1], 3)


def test_the_crop_is_magnified_and_holds_the_hardest_spot():
    shown = case(size=(200, 300), spot=(140, 90))
    sheet = contact_sheet([shown])
    (near, far, *_), = cells(sheet)  # fmt: skip
    rows, columns = np.nonzero(np.abs(near.astype(int) - far).sum(2))
    assert (rows.max() - rows.min(), columns.max() - columns.min()) == (11, 11)
    # Every pixel of the spot is in the crop, in the place that it has in the image.
    top, left = 134 - rows.min(), 84 - columns.min()
    crop = np.s_[top : top + CROP_PX, left : left + CROP_PX]
    assert np.array_equal(near, shown.images["near"][crop])
    assert np.array_equal(far, shown.images["far"][crop])
    picture = sheet[CAPTION_PX + 1 : CELL[0] - 1, 1 : CELL[1] - 1]
    assert np.array_equal(picture, np.kron(near, np.ones((ZOOM, ZOOM, 1), np.uint8)))


@pytest.mark.parametrize("corner", [(0, 0), (31, 50), (56, 96)])
def test_a_spot_of_the_size_of_the_crop_fills_it(corner):
    shown = case()
    block = tuple(slice(first, first + CROP_PX) for first in corner)
    shown.images["far"] = shown.images["near"].copy()
    shown.images["far"][block] //= 2
    shown.region[:] = True
    ((near, far, *_),) = cells(contact_sheet([shown]))
    assert np.array_equal(near, shown.images["near"][block])
    assert np.array_equal(far, near // 2)


def test_every_image_shows_the_same_place_in_the_order_of_the_case():
    shown = case()
    shown.images["none"][:] = 10
    shown.images["unmix"] = shown.images["near"] // 2
    ((near, _, none, unmix, truth),) = cells(contact_sheet([shown]))
    assert (none == 10).all()
    assert np.array_equal(unmix, near // 2)
    assert np.array_equal(truth, near)


def test_planes_that_differ_outside_the_transition_region_do_not_count():
    shown = case(size=(200, 300), spot=(40, 50))
    shown.images["far"][150:190, 200:280] = 0  # more different, and larger
    ((near, far, *_),) = cells(contact_sheet([shown]))
    assert np.count_nonzero((near != far).any(2)) <= 144
    assert (near != far).any()
    shown.region[:] = False  # unless there is none
    ((_, far, *_),) = cells(contact_sheet([shown]))
    assert (far == 0).all(2).sum() > 1500


@pytest.mark.parametrize("spot", [(8, 8), (8, 150), (110, 8), (110, 150)])
def test_a_spot_in_a_corner_is_shown_within_the_image(spot):
    shown = case(spot=spot)
    ((near, far, *_),) = cells(contact_sheet([shown]))
    assert near.shape == (CROP_PX, CROP_PX, 3)
    assert np.count_nonzero((near != far).any(2)) > 140  # of 144
    assert not (near == 255).all((1, 2)).any()  # no empty row or column
    assert not (near == 255).all((0, 2)).any()


def test_16_bit_grey_is_shown_as_light_up_to_the_brightest_of_the_near_plane():
    shown = case(dtype="uint16", grey=True)
    near = shown.images["near"]
    near[0, 0] = 40000
    shown.images["truth"] = np.full_like(near, 60000)  # brighter than the near plane ever is
    ((first, second, _, _, truth),) = cells(contact_sheet([shown]))
    assert np.array_equal(first[..., 0], first[..., 1])
    assert np.array_equal(first[..., 0], first[..., 2])
    rows, columns = np.nonzero((first != second).any(2))
    top, left = 34 - rows.min(), 104 - columns.min()
    light = near[top : top + CROP_PX, left : left + CROP_PX] / 40000
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(first[..., 0] - 255 * coded).max() < 0.6
    assert (truth == 255).all()


def test_cases_with_and_without_truth_stack():
    sheet = contact_sheet([case("a", truth=False), case("b"), case("c", dtype="uint16", grey=True)])
    assert sheet.shape == (3 * CELL[0], 5 * CELL[1], 3)
    first, second, third = cells(sheet)
    assert (first[4] == 0).all()  # nothing where the truth would be
    assert second[4].any()
    assert third[4].any()
    assert (captions(sheet, 0)[4] == 0).all()


def test_captions_tell_the_case_and_the_gain():
    plain, other = contact_sheet([case("a", tr=20.0)]), contact_sheet([case("b", tr=31.5)])
    before, after = captions(plain, 0), captions(other, 0)
    for caption in before:
        assert (caption < 100).any()  # something is written
        assert (caption > 200).mean() > 0.5  # on white
    changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    # The name stands over the near plane, the PSNR over the fused images.
    assert changed == [True, False, True, True, False]


def test_images_smaller_than_a_crop_are_shown_whole():
    shown = case(size=(48, 56), spot=(20, 30))
    ((near, *_),) = cells(contact_sheet([shown]))
    assert np.array_equal(near[:48, :56], shown.images["near"])
    assert (near[48:] == 255).all()
    assert (near[:, 56:] == 255).all()
