"""One scene as users record it: many planes, drifting light, faults, blank planes, black borders.

The scene is rendered here, by a Gaussian of SciPy; nothing is shared with the imaging model.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_focusstack as nfs
from napari_focusstack.errors import InputError

SIDE, STEP_PX = 128, 1.3


def texture(seed, low, high):
    chance = np.random.default_rng(seed)
    values = gaussian_filter(chance.random((SIDE, SIDE)), 0.8)
    values += 0.5 * gaussian_filter(chance.random((SIDE, SIDE)), 3)
    return low + (high - low) * (values - values.min()) / np.ptp(values)


@pytest.fixture(scope="module")
def scene():
    """Light and coverage of a disk and a bar, and the light of what lies four steps behind."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    cover = ((rows - 64) ** 2 + (columns - 50) ** 2 < 900).astype(float)
    cover = np.maximum(cover, np.abs(columns - 95 - 0.2 * (rows - 64)) < 4)
    return texture(1, 0.55, 0.95), texture(2, 0.05, 0.4), cover


def plane(scene, steps):
    """Light of the plane so many steps behind the disk and the bar, 0 to 4."""
    front, behind, cover = scene
    near, far = max(STEP_PX * steps, 1e-3), max(STEP_PX * (4 - steps), 1e-3)
    veil = gaussian_filter(front * cover, near)
    return veil + (1 - gaussian_filter(cover, near)) * gaussian_filter(behind, far)


@pytest.fixture(scope="module")
def light(scene):
    return np.stack([plane(scene, steps) for steps in range(5)])


@pytest.fixture(scope="module")
def truth(scene):
    front, behind, cover = scene
    return front * cover + (1 - cover) * behind


def coded(light):
    """Return 12-bit planes of light, 0..1."""
    return np.rint(4095 * light).astype(np.uint16)


def psnr(image, truth):
    """Return the PSNR after the gain and offset that suit it best, dB."""
    gain, offset = np.polyfit(image.astype(float).ravel(), truth.ravel(), 1)
    return -10 * np.log10(np.mean((gain * image + offset - truth) ** 2))


def test_a_plain_stack_is_unveiled(light, truth):
    result = nfs.fuse(coded(light))
    assert psnr(result.image, truth) > 44
    assert psnr(result.initial, truth) < 35
    assert result.light is result.defects is None


@pytest.mark.parametrize(
    "planes_of",
    [
        lambda light: (coded(light).astype(int) - 2048).astype(np.int16),
        lambda light: coded(light).astype(np.int32) - 2**30,
        lambda light: coded(light).astype(np.uint64),
        lambda light: light.astype(np.float16),
        lambda light: light.astype(np.float64),
    ],
    ids=["int16", "int32", "uint64", "float16", "float64"],
)
def test_each_type_of_number_is_fused_in_its_type(light, truth, planes_of):
    planes = planes_of(light)
    result = nfs.fuse(planes)
    assert result.image.dtype == planes.dtype
    assert psnr(result.image, truth) > 44
    kept = ~(result.transition_region | result.blended)
    sources = np.take_along_axis(planes, result.source[None].astype(int) - 1, 0)[0]
    np.testing.assert_array_equal(result.image[kept], sources[kept])


@pytest.mark.parametrize("count", [9, 33, 200])
def test_many_planes_between_the_same_ends_give_the_same_picture(scene, truth, count):
    planes = np.stack([plane(scene, steps) for steps in np.linspace(0, 4, count)])
    result = nfs.fuse(coded(planes))
    assert psnr(result.image, truth) > 44
    assert result.sigma_px * (count - 1) == pytest.approx(4 * STEP_PX, rel=0.05)
    assert result.labels.min() == 1
    assert result.labels.max() >= 0.98 * count
    assert len(result.findings) <= 2


@pytest.mark.parametrize("percent", [2, 5, 10])
def test_drifting_light_costs_nothing(light, truth, percent):
    gain = 1 + percent / 100 * np.arange(5)
    planes = coded(0.6 * light * gain[:, None, None])
    result = nfs.fuse(planes)
    assert psnr(result.image, truth) > 48
    assert "light equalised" in result.light.reason
    assert result.findings == [] or "Brightness" not in result.findings[0]
    as_it_is = nfs.fuse(planes, equalize="off")
    assert as_it_is.light is None
    assert psnr(as_it_is.image, truth) < 44


def test_one_dark_plane_costs_nothing(light, truth):
    dimmed = light * np.array([1, 1, 0.6, 1, 1])[:, None, None]
    assert psnr(nfs.fuse(coded(dimmed)).image, truth) > 47


def test_struck_pixels_are_filled_and_the_blur_is_that_without(light, truth):
    chance = np.random.default_rng(0)
    struck = np.where(chance.random(light.shape) < 0.001, 65535, coded(light)).astype(np.uint16)
    result = nfs.fuse(struck)
    assert psnr(result.image, truth) > 44
    assert result.sigma_px == pytest.approx(STEP_PX, rel=0.15)
    assert result.figures()["filled_pixels"] > 60


def test_blank_planes_are_left_out_and_keep_their_numbers(light, truth):
    blank = np.zeros_like(light[:1])
    result = nfs.fuse(coded(np.concatenate([blank, light, blank])))
    assert psnr(result.image, truth) > 44
    assert set(np.unique(result.source)) <= {2, 3, 4, 5, 6}
    assert (result.labels.min(), result.labels.max()) == (2, 6)
    assert [said for said in result.findings if "nothing, or only noise" in said] == [
        "Planes 1, 7 show nothing, or only noise; blank planes are left out."
    ]


def test_a_reversed_stack_is_turned_and_that_is_said(light, truth):
    result = nfs.fuse(coded(light[::-1]))
    assert psnr(result.image, truth) > 44
    assert result.near == "last"
    assert result.findings[0].startswith("The last plane was taken for the nearest:")
    kept = nfs.fuse(coded(light[::-1]), near="first")
    assert psnr(kept.image, truth) < 35
    assert kept.findings[0].startswith("The planes seem to be in the reverse order: with near=")
    right = nfs.fuse(coded(light[::-1]), near="last")
    assert not any("reverse" in said for said in right.findings)


def test_a_blank_plane_in_the_middle_leaves_a_longer_step(light, truth):
    planes = coded(light)
    planes[2] = 0
    result = nfs.fuse(planes)
    assert psnr(result.image, truth) > 43
    assert result.depth.max() == pytest.approx(4, abs=0.15)
    assert set(np.unique(result.source)) == {1, 2, 4, 5}


def test_a_plane_that_is_blurred_as_a_whole_is_left_out(scene, truth):
    planes = np.stack([plane(scene, steps) for steps in np.linspace(0, 4, 9)])
    planes[4] = gaussian_filter(planes[4], 4)
    result = nfs.fuse(coded(planes))
    assert psnr(result.image, truth) > 43
    assert 5 not in result.source
    assert "Plane 5 is blurred as a whole" in result.findings[0]
    kept = nfs.fuse(coded(planes), planes="1:9")
    assert psnr(kept.image, truth) < psnr(result.image, truth) - 3


def test_chosen_planes_give_what_they_alone_give_and_keep_their_numbers(scene, truth):
    planes = coded(np.stack([plane(scene, steps) for steps in np.linspace(0, 4, 17)]))
    alone = nfs.fuse(planes[::4], near="first")
    chosen = nfs.fuse(planes, planes="1:17:4", z_step=0.25, near="first")
    np.testing.assert_array_equal(chosen.image, alone.image)
    np.testing.assert_array_equal(chosen.source, 4 * (alone.source - 1) + 1)
    np.testing.assert_allclose(chosen.depth, alone.depth, atol=1e-5)
    assert chosen.sigma_px == pytest.approx(alone.sigma_px / 4)
    again = nfs.fuse(planes, labels=chosen.labels, **chosen.parameters)
    assert set(np.unique(again.source)) <= {1, 5, 9, 13, 17}


@pytest.mark.parametrize(("gain", "offset"), [(6.6e38, -3.3e38), (1e-30, 0)])
def test_the_range_of_floats_does_not_matter(light, gain, offset, monkeypatch):
    # bfloat16 rounds to three digits, where inputs that differ in the last one part.
    monkeypatch.setattr("napari_focusstack.networks.device.CPU_BFLOAT16", ())
    moved = np.stack([np.roll(plane, 2 * k, 1) for k, plane in enumerate(light)])
    moved[0, :4] = np.nan
    plain = nfs.fuse(moved.astype(np.float32))
    result = nfs.fuse((moved * gain + offset).astype(np.float32))
    back = (result.image.astype(float) - offset) / gain
    off = np.abs(back - plain.image)
    # where planes are alike, the last digits choose, and about such a pixel others are blended
    assert np.nanmean(off > 1e-4) < 0.01
    assert np.nanmax(off) < 0.01
    np.testing.assert_array_equal(np.isnan(back), np.isnan(plain.image))
    np.testing.assert_array_equal(result.labels, plain.labels)
    assert result.findings == plain.findings


def test_uneven_steps_are_honoured(scene, truth):
    positions = [0.0, 1.0, 3.0, 3.5, 4.0]
    planes = coded(np.stack([plane(scene, steps) for steps in positions]))
    result = nfs.fuse(planes, positions=positions, psf="reblur")
    assert psnr(result.image, truth) > 42
    assert result.sigma_px == pytest.approx(STEP_PX, rel=0.1)  # the mean step is 1
    assert result.depth.max() == pytest.approx(4.0, abs=0.1)
    assert result.figures()["positions"] == positions


def test_planes_that_show_the_same_are_one(light):
    same = coded(np.stack([light[0]] * 5))
    result = nfs.fuse(same)
    np.testing.assert_array_equal(result.image, same[0])
    assert not result.transition_region.any()
    pair = nfs.fuse(same[:2])
    np.testing.assert_array_equal(pair.image, same[0])
    assert pair.findings == [
        "Planes 1 and 2 show the same image: one is a copy, or focus did not move."
    ]


def with_black_border(planes):
    """Return planes of which the farther ones miss more rows and columns, and what they show."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    shown = np.stack([(rows >= 2 * k) & (columns >= 3 * k) for k in range(5)])
    return np.where(shown, planes, 0).astype(planes.dtype), shown


def named(of_planes, source):
    """Return for each pixel the value of the plane that its source names."""
    return np.take_along_axis(of_planes, source[None].astype(int) - 1, 0)[0]


@pytest.mark.parametrize("blend", ["seams", "none", "noise"])
def test_a_black_border_is_found_and_never_chosen(light, truth, blend):
    planes, shown = with_black_border(coded(light))
    result = nfs.fuse(planes, blend=blend)
    inside = shown.all(0)
    assert psnr(result.image[inside], truth[inside]) > 43
    assert psnr(result.image, truth) > 33.5  # there the background is sharp in no plane
    assert named(shown, result.source).all()
    kept = ~(result.blended | result.transition_region)
    np.testing.assert_array_equal(result.image[kept], named(planes, result.source)[kept])
    assert not (result.valid & ~inside).any()
    assert result.valid[inside].mean() > 0.95
    ((said),) = result.findings
    assert said.startswith("Planes 2 to 5 do not show up to 1")


def test_pixels_that_are_nan_in_all_planes_are_nan(light, truth):
    planes = light.astype(np.float32)
    planes[:, :, :6] = np.nan
    result = nfs.fuse(planes)
    assert np.isnan(result.image[:, :6]).all()
    assert (result.source[:, :6] == 0).all()
    assert psnr(result.image[:, 6:], truth[:, 6:]) > 44
    assert len(result.findings) == 2
    assert "4.7% of the pixels (they are NaN" in result.findings[0]
    assert result.findings[1].startswith("No plane shows 4.7% of the pixels")


def holes():
    """Return what planes show that miss a strip each, each another, 5 px deep or 12."""
    shown = np.ones((5, SIDE, SIDE), bool)
    shown[4, 40:52, 90:] = shown[0, 60:65, :40] = shown[2, :, 100:105] = False
    shown[3, 45:70, 110:118] = False
    return shown


def test_what_is_not_shown_does_not_matter(light, truth):
    shown, planes = holes(), light.astype(np.float32)
    result = nfs.fuse(np.where(shown, planes, np.nan).astype(np.float32))
    assert named(shown, result.source).all()
    inside = shown.all(0)
    assert psnr(result.image[inside], truth[inside]) > 43.5
    assert result.sigma_px == pytest.approx(STEP_PX, rel=0.05)
    chance = np.random.default_rng(3)
    for value in (np.inf, -7.0, chance.uniform(-9, 9, planes.shape)):
        filled = np.where(shown, planes, value).astype(np.float32)
        hidden = filled if np.isinf(value).all() else np.ma.MaskedArray(filled, ~shown)
        np.testing.assert_array_equal(nfs.fuse(list(hidden)).image, result.image)


def test_labels_of_planes_that_do_not_show_a_pixel_give_it_to_the_nearest(light):
    shown, planes = holes(), light.astype(np.float32)
    labels = np.full((SIDE, SIDE), 5, np.uint8)
    result = nfs.fuse(np.where(shown, planes, np.nan).astype(np.float32), labels=labels)
    np.testing.assert_array_equal(result.source == 5, shown[4])
    assert (result.labels == 5).all()
    hidden = ~shown[4]
    assert set(np.unique(result.source[hidden])) == {4, 3}
    np.testing.assert_array_equal(result.image[hidden], named(planes, result.source)[hidden])


def test_pixels_that_registration_moves_in_are_not_chosen(light):
    planes = coded(np.stack([np.roll(plane, 3 * k, 1) for k, plane in enumerate(light)]))
    planes = np.pad(planes, ((0, 0), (0, 0), (0, 0)))
    result = nfs.fuse(planes, register="on", register_model="shift")
    valid = np.stack([result.registration.valid(number) for number in range(1, 6)])
    assert not valid.all()
    assert named(valid, result.source).all()
    np.testing.assert_array_equal(result.valid, valid.all(0))
    assert result.findings == []


def test_a_pair_takes_what_one_plane_does_not_show_from_the_other(scene, truth):
    pair = np.stack([plane(scene, 0), plane(scene, 4)]).astype(np.float32)
    whole = nfs.fuse(pair)
    shown = np.ones(pair.shape, bool)
    shown[1, :, :14] = shown[0, 118:, 14:] = False
    result = nfs.fuse(np.where(shown, pair, np.nan).astype(np.float32))
    assert named(shown, result.source).all()
    inside = shown.all(0)
    assert psnr(result.image[inside], truth[inside]) > 46
    assert result.sigma_px == pytest.approx(whole.sigma_px, rel=0.1)


def test_transparent_pixels_of_photographs_are_not_shown(light):
    colours = np.rint(255 * light[..., None] * (1, 0.8, 0.6)).astype(np.uint8)
    alpha = np.full((5, SIDE, SIDE, 1), 255, np.uint8)
    alpha[:, :3] = alpha[3, :, 120:] = 0
    result = nfs.fuse(np.concatenate([colours, alpha], -1), register="off")
    assert result.image.shape == (SIDE, SIDE, 3)
    assert not result.image[:3].any()
    assert (result.source[:3] == 0).all()
    assert not (result.source[:, 120:] == 4).any()
    without = nfs.fuse(colours[:, 3:, :120], register="off").image.astype(int)
    assert np.abs(result.image[3:, :112] - without[:, :112]).mean() < 0.3


def test_a_cropped_result_is_the_part_that_all_planes_show(light):
    planes, shown = with_black_border(coded(light))
    whole, cut = nfs.fuse(planes), nfs.fuse(planes, crop=True)
    rows, columns = cut.region
    assert shown.all(0)[cut.region].all()
    assert (rows.stop, columns.stop) == (SIDE, SIDE)
    assert 8 <= rows.start <= 12 <= columns.start <= 15
    names = ("image", "initial", "source", "blended", "transition_region", "labels", "alpha")
    for name in (*names, "depth", "confidence", "filled", "valid"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name)[cut.region])
    assert cut.valid.all()
    assert cut.figures()["crop"] == [[rows.start, SIDE], [columns.start, SIDE]]
    assert nfs.segment(planes, crop=True).shape == cut.labels.shape
    assert nfs.fuse(coded(light), crop=True).region is None


def test_nothing_is_left_where_planes_share_no_pixel(light):
    planes = light.astype(np.float32)
    planes[0, :, :70] = planes[4, :, 60:] = np.nan
    with pytest.raises(InputError, match="crop leaves nothing"):
        nfs.fuse(planes, crop=True)
