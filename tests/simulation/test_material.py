"""Reading the pictures that scenes are made of."""

import imagecodecs
import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.simulation.material import PHOTO_PX, SourceImages, _squares, fit_square


def picture(height, width, *channels, value=None, seed=0):
    if value is not None:
        return np.full((height, width, *channels), value, np.uint8)
    return np.random.default_rng(seed).integers(0, 256, (height, width, *channels)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for name in ("photos", "shapes", "cutouts"):
        (tmp_path / name).mkdir()
    imagecodecs.imwrite(tmp_path / "photos" / "a.jpg", picture(400, 500, 3, value=120))
    imagecodecs.imwrite(tmp_path / "photos" / "b.png", picture(360, 360, 3))
    imagecodecs.imwrite(tmp_path / "photos" / "c.png", picture(100, 600, value=70))
    imagecodecs.imwrite(tmp_path / "shapes" / "d.png", picture(160, 160, value=255))
    cutout = picture(160, 160, 4, value=200)
    cutout[:, 80:, 3] = 0
    imagecodecs.imwrite(tmp_path / "cutouts" / "e.png", cutout)
    return tmp_path


def test_a_folder_is_read_into_one_tensor_per_kind(folder):
    material = SourceImages.load(folder)
    assert material.photos.shape == (3, 3, 348, 348)
    assert material.shapes.shape == (1, 1, 224, 224)
    assert material.cutouts.shape == (1, 4, 320, 320)
    assert {t.dtype for t in (material.photos, material.shapes, material.cutouts)} == {torch.uint8}
    assert material.device == torch.device("cpu")
    assert (material.photos[0].float() - 120).abs().max() <= 2  # JPEG, in order of the names
    assert (material.photos[2] == 70).all()  # grey becomes three equal channels
    assert (material.shapes == 255).all()
    assert (material.cutouts[0, :3] == 200).all()
    assert material.cutouts[0, 3].float().mean() == 100  # half of it 200


def test_a_photo_is_cut_from_its_middle_without_scaling(folder):
    expected = picture(360, 360, 3)[6:354, 6:354]
    found = SourceImages.load(folder).photos[1].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(found, expected)


def test_only_photos_are_needed(tmp_path):
    (tmp_path / "photos").mkdir()
    imagecodecs.imwrite(tmp_path / "photos" / "a.png", picture(320, 320, 3))
    material = SourceImages.load(tmp_path)
    assert len(material.photos) == 1
    assert material.shapes.shape == (0, 1, 224, 224)
    assert material.cutouts.shape == (0, 4, 320, 320)


def test_a_folder_without_photos_is_refused_with_its_name(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        SourceImages.load(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="photos"):
        SourceImages.load(tmp_path)


@pytest.mark.parametrize("shape", [(160, 160), (160, 160, 2), (160, 160, 4), (160, 160, 3)])
def test_a_shape_is_the_alpha_of_its_file_or_else_its_grey(tmp_path, folder, shape):
    values = picture(*shape, value=10)
    if len(shape) == 3 and shape[2] in (2, 4):
        values[..., -1] = 90
    imagecodecs.imwrite(folder / "shapes" / "z.png", values)
    expected = 90 if len(shape) == 3 and shape[2] in (2, 4) else 10
    assert (SourceImages.load(folder).shapes[1] == expected).all()


def test_16_bit_pictures_are_read(folder):
    imagecodecs.imwrite(folder / "photos" / "z.png", np.full((320, 320, 3), 0x8055, np.uint16))
    assert (SourceImages.load(folder).photos[3] == 0x80).all()


def test_an_opaque_cutout_gets_a_full_alpha(folder):
    imagecodecs.imwrite(folder / "cutouts" / "z.png", picture(160, 160, 3))
    assert (SourceImages.load(folder).cutouts[1, 3] == 255).all()


@pytest.mark.parametrize("channels", [1, 4])
def test_shapes_and_cutouts_are_fitted_whole(channels):
    tall = picture(200, 100, channels, value=255)
    square = fit_square(tall, 80)
    assert square.shape == (1, channels, 80, 80)
    # 100 of 200 columns are covered, in the middle
    assert (square[..., 22:58] == 255).all()
    assert (square[..., :18] == 0).all()
    assert (square[..., 62:] == 0).all()


@pytest.mark.parametrize("size", [(10, 10), (500, 40), (40, 500), (348, 348)])
def test_small_photos_are_continued(size):
    square = fit_square(picture(*size, 3), PHOTO_PX)
    assert square.shape == (1, 3, 348, 348)
    assert square.float().std() > 0


def material_of(count):
    photos = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4)
    return SourceImages(photos, photos[:25, :1], photos[:3].repeat(1, 2, 1, 1)[:, :4])


def test_training_and_validation_share_no_picture():
    train, held_back = material_of(40).split()
    seen, kept = (set(m.photos[:, 0, 0, 0].tolist()) for m in (train, held_back))
    assert seen | kept == set(range(40))
    assert not seen & kept
    assert len(kept) == 4
    assert len(train.shapes) + len(held_back.shapes) == 25
    assert len(train.cutouts) == len(held_back.cutouts) == 3  # too few to share out


def test_a_folder_of_pictures_alone_serves_too(tmp_path):
    for name in "ba":
        imagecodecs.imwrite(tmp_path / f"{name}.png", picture(348, 800, 3, value=ord(name)))
    material = SourceImages.load(tmp_path)
    assert material.photos.shape == (4, 3, 348, 348)  # two squares of each
    assert material.origins.tolist() == [0, 1, 2, 3]
    assert (material.photos[0] == ord("a")).all()


def test_planes_of_one_stack_are_held_back_together():
    def stacks(count, planes=3):
        planes = range(planes)
        return [[picture(348, 700, 3, value=n + plane) for plane in planes] for n in range(count)]

    many = SourceImages.from_stacks(stacks(20))
    assert many.held_back == 2
    train, held_back = many.split()
    assert {*held_back.origins.tolist()} == {0, 10}
    assert not {*held_back.origins.tolist()} & {*train.origins.tolist()}
    few = SourceImages.from_stacks(stacks(6))  # two squares of each
    assert few.held_back == 2
    _, held_back = few.split()
    assert len(held_back.photos) == 2 * 3
    one = SourceImages.from_stacks(stacks(1, planes=30))
    assert one.held_back == 0
    assert len(one.split()[1].photos) == len(one.photos)


def test_a_broken_picture_is_named(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "photos" / "notes.txt").write_text("not looked at")
    with pytest.raises(InputError, match=r"broken\.png cannot be read"):
        SourceImages.load(tmp_path)


def photos_of(*pictures):
    return SourceImages.from_pictures(pictures).photos.permute(0, 2, 3, 1).numpy()


def test_pictures_from_memory_are_photos():
    rgb, grey = picture(400, 380, 3), picture(360, 500)
    material = SourceImages.from_pictures([rgb, grey])
    assert material.photos.dtype == torch.uint8
    photos = photos_of(rgb, grey)
    np.testing.assert_array_equal(photos[0], rgb[26:374, 16:364])
    np.testing.assert_array_equal(photos[1], np.stack([grey[6:354, 76:424]] * 3, -1))
    assert material.shapes.shape == (0, 1, 224, 224)
    assert material.cutouts.shape == (0, 4, 320, 320)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64", "bool"])
def test_pictures_that_are_not_8_bit_are_scaled_by_their_range(dtype):
    values = picture(PHOTO_PX, PHOTO_PX).astype(float)
    if dtype == "bool":
        given, expected = values > 100, np.where(values > 100, 255.0, 0)
    else:
        given = (values * 50 + 1000).astype(dtype)
        expected = (values - values.min()) / np.ptp(values) * 255
    np.testing.assert_allclose(photos_of(given)[0, ..., 1], expected, atol=0.51)


def test_what_is_not_finite_and_what_is_flat_does_no_harm():
    odd = np.linspace(0, 1, PHOTO_PX**2).reshape(PHOTO_PX, PHOTO_PX)
    odd[0, :3] = np.nan, np.inf, -np.inf
    photos = photos_of(odd, np.full((50, 50), 700, np.uint16), np.full((50, 50), np.nan))
    assert photos[0, 0, :3, 0].tolist() == [0, 255, 0]
    assert photos[0, -1, -1, 0] == 255
    assert (photos[1:] == 0).all()


@pytest.mark.parametrize(
    ("size", "count"),
    [((100, 100), 1), ((695, 348), 1), ((696, 350), 2), ((1100, 800), 6), ((9000, 400), 5)],
)
def test_a_large_picture_is_cut_into_squares_that_share_no_pixel(size, count):
    assert len(photos_of(np.zeros(size, np.uint8))) == count
    numbered = np.arange(size[0] * size[1]).reshape(*size, 1)
    squares = list(_squares(numbered, PHOTO_PX))
    assert len(squares) == count
    taken = np.concatenate([square.ravel() for square in squares])
    assert (
        len(np.unique(taken))
        == len(taken)
        == count * min(PHOTO_PX, size[0]) * min(PHOTO_PX, size[1])
    )
    # as much is left above as below
    rows = taken // size[1]
    assert rows.min() + rows.max() == pytest.approx(size[0] - 1, abs=1)


@pytest.mark.parametrize("shape", [(4, 4, 2), (4, 4, 4), (5,), (2, 4, 4, 3), (0, 4)])
def test_pictures_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match=r"a picture has the shape \(.*\); give \(Y, X\)"):
        SourceImages.from_pictures([np.zeros(shape, np.uint8)])


def test_no_pictures_are_refused():
    with pytest.raises(InputError, match="there are no pictures"):
        SourceImages.from_pictures(iter(()))
