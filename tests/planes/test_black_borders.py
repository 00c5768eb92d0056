"""Black borders of an alignment elsewhere are found, and dark scenes are not taken for them."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from napari_focusstack.planes.black_borders import black_borders

ROWS, COLUMNS = 320, 400


@pytest.fixture(scope="module")
def scene():
    """Five planes of one texture that differ in focus, 0..1."""
    chance = np.random.default_rng(0).random((ROWS, COLUMNS), np.float32)
    texture = cv2.GaussianBlur(chance, (0, 0), 1.0)
    texture = 0.1 + 0.8 * (texture - texture.min()) / np.ptp(texture)
    return [cv2.GaussianBlur(texture, (0, 0), 0.5 + number) for number in range(5)]


def moved(plane, number, method=cv2.INTER_LINEAR, degrees=0.8):
    """Return a plane as an alignment leaves it, and what it covers."""
    matrix = cv2.getRotationMatrix2D((COLUMNS / 2, ROWS / 2), degrees * number, 1)
    matrix[:, 2] += (4.4 * number, -2.7 * number)
    size = (COLUMNS, ROWS)
    covered = cv2.warpAffine(np.ones((ROWS, COLUMNS), np.float32), matrix, size) > 0.999
    return cv2.warpAffine(plane, matrix, size, flags=method), covered


def jpeg(plane):
    file = BytesIO()
    Image.fromarray(plane).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))


KINDS = {
    "12 bits, linear": (lambda p: np.rint(4095 * p).astype(np.uint16), cv2.INTER_LINEAR, 3),
    "8 bits, nearest": (lambda p: np.rint(255 * p).astype(np.uint8), cv2.INTER_NEAREST, 3),
    "float, cubic": (lambda p: p, cv2.INTER_CUBIC, 3),
    "rgb, lanczos": (lambda p: np.uint8(255 * p[..., None] * (1, 0.8, 0.6)), cv2.INTER_LANCZOS4, 8),
}


@pytest.mark.parametrize(("coded", "method", "rim_px"), KINDS.values(), ids=KINDS)
def test_rotated_borders_are_found_and_their_rims_are_left_out(scene, coded, method, rim_px):
    planes, covered = zip(
        *(moved(coded(plane), number, method) for number, plane in enumerate(scene)), strict=True
    )
    found = dict(black_borders(planes))
    assert sorted(found) == [2, 3, 4, 5]
    for number, shown in found.items():
        inside = cv2.distanceTransform(np.pad(covered[number - 1], 1).astype(np.uint8), 2, 5)
        inside = inside[1:-1, 1:-1]
        away = np.ones_like(shown)  # the border of the image is no rim
        away[[0, -1]] = away[:, [0, -1]] = False
        assert (shown & ~covered[number - 1] & away).mean() < 0.0005
        kept = cv2.erode(covered[number - 1].astype(np.uint8), np.ones((2 * rim_px + 5,) * 2))
        assert shown[kept > 0].mean() > 0.985


def test_compressed_borders_are_found_with_a_wider_rim(scene):
    planes = [
        jpeg(moved(np.uint8(255 * plane[..., None] * (1, 0.8, 0.6)), number)[0])
        for number, plane in enumerate(scene)
    ]
    found = dict(black_borders(planes))
    assert sorted(found) == [2, 3, 4, 5]
    for number, shown in found.items():
        covered = moved(scene[0], number - 1)[1]
        deep = cv2.erode(covered.astype(np.uint8), np.ones((25, 25)))
        assert (shown & ~covered)[8:-8, 8:-8].sum() == 0
        assert shown[deep > 0].mean() > 0.999


def test_an_exact_border_loses_no_pixel(scene):
    planes = [np.rint(4095 * plane).astype(np.uint16) for plane in scene]
    planes[3][:7] = planes[3][:, :9] = 0
    ((number, shown),) = black_borders(planes)
    assert number == 4
    np.testing.assert_array_equal(shown, planes[3] > 0)


def disks(chance):
    rows, columns = np.indices((ROWS, COLUMNS))
    light = np.zeros((ROWS, COLUMNS))
    for _ in range(30):
        at, radius = chance.integers(0, (ROWS, COLUMNS)), chance.integers(6, 30)
        light[(rows - at[0]) ** 2 + (columns - at[1]) ** 2 < radius**2] = chance.uniform(60, 220)
    return light


DARK = {
    "nuclei": disks,
    "one disk": lambda chance: 200.0 * (np.hypot(*(np.indices((ROWS, COLUMNS)) - 150)) < 130),
    "a chip": lambda chance: np.pad(np.full((200, 260), 180.0), ((60, 60), (70, 70))),
    "a chip at the border": lambda chance: np.pad(np.full((260, 330), 180.0), ((60, 0), (70, 0))),
}


@pytest.mark.parametrize("step_px", [1, 4, 12])
@pytest.mark.parametrize("light", DARK.values(), ids=DARK)
def test_dark_grounds_are_no_borders(light, step_px):
    sharp = light(np.random.default_rng(1)).astype(np.float32)
    planes = [
        cv2.GaussianBlur(sharp, (0, 0), step_px * abs(number - 1) + 0.5) for number in range(4)
    ]
    chance = np.random.default_rng(2)
    for camera in (
        lambda plane: np.rint(plane).clip(0, 255).astype(np.uint8),
        lambda plane: np.rint(plane - 15).clip(0, 255).astype(np.uint8),  # background subtracted
        lambda plane: (40 * plane + chance.normal(-10, 20, plane.shape)).clip(0).astype(np.uint16),
    ):
        assert dict(black_borders([camera(plane) for plane in planes])) == {}


def test_a_border_that_is_black_in_all_planes_belongs_to_the_scene(scene):
    planes = [np.rint(4095 * plane).astype(np.uint16) for plane in scene]
    for plane in planes:
        plane[:12] = 0
    assert dict(black_borders(planes)) == {}
