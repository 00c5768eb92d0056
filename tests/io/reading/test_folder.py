"""Which images of a folder are planes, and what is said of the others."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.folder import planes_in
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.plugin.reader import get_reader, read_layers
from napari_focusstack.provenance import SOFTWARE

PLANES = np.random.default_rng(0).integers(0, 256, (5, 20, 24)).astype(np.uint8)


def write(folder, names, planes=PLANES):
    """Write a plane under each name."""
    for name, plane in zip(names, planes, strict=False):
        Image.fromarray(plane).save(folder / name)


def names_in(folder):
    return [path.name for path in planes_in(folder).files.flat]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ("fused.tif", "not named as the other planes are"),
        ("preview.jpg", "not named as the other planes are"),
        ("z0 ZS PMax.tif", "results of another program by their names"),
        ("z0-z4 (B,Radius8,Smoothing4).jpg", "results of another program by their names"),
        ("z1_thumb.jpg", "small copies"),
        ("MAX_stack.tif", "not named as the other planes are"),
    ],
)
def test_what_is_no_plane_is_left_out_and_said(tmp_path, other, why):
    names = [f"z{k}.tif" for k in range(5)]
    write(tmp_path, names)
    write(tmp_path, [other])
    (tmp_path / "z0.txt").write_text("notes")

    assert names_in(tmp_path) == names
    assert planes_in(tmp_path).notes == (f"Left out, {why}: {other}.",)
    with pytest.warns(UserWarning, match="Left out"), open_planes(tmp_path) as store:
        np.testing.assert_array_equal(np.stack(list(store)), PLANES)
    with pytest.warns(UserWarning, match="Left out"):
        ((data, _, _),) = read_layers(str(tmp_path))
    np.testing.assert_array_equal(data, PLANES)


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_our_results_are_known_by_their_record_whatever_their_name(tmp_path, suffix):
    names = [f"z{k}.{suffix}" for k in range(4)]
    write(tmp_path, names)
    write_image(tmp_path / f"z4.{suffix}", PLANES[4], record={"software": SOFTWARE})

    assert names_in(tmp_path) == names
    assert planes_in(tmp_path).notes == (f"Left out, results of napari-focusstack: z4.{suffix}.",)


def test_a_folder_of_results_alone_is_a_stack_of_them(tmp_path):
    for number in range(3):
        path = tmp_path / f"slab{number}.tif"
        write_image(path, PLANES[number], record={"software": SOFTWARE})

    assert names_in(tmp_path) == ["slab0.tif", "slab1.tif", "slab2.tif"]
    assert planes_in(tmp_path).notes == ()


@pytest.mark.parametrize("names", ["near.png far.png", "bee_near_1.png bee_far_2.png",
                                   "front.tif middle.tif back.tif"])  # fmt: skip
def test_names_without_a_series_are_all_planes(tmp_path, names):
    write(tmp_path, names.split())

    assert sorted(names_in(tmp_path)) == sorted(names.split())
    assert planes_in(tmp_path).notes == ()


@pytest.mark.parametrize(
    "names",
    ["a1.tif a2.tif b1.tif b2.tif", "z1.jpg z2.jpg z1.tif z2.tif", "z_1.tif z_2.tif z1.tif z2.tif"],
)
def test_two_series_are_refused_unless_they_name_channels(tmp_path, names):
    write(tmp_path, names.split())

    with pytest.raises(InputError, match="holds 2 stacks"):
        planes_in(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("img_000000000_{}_{:03d}.tif", ("DAPI", "GFP")), ("cell_{}_z{}.tif", ("gfp", "RFP")),
     ("img_000000000_{}_{:03d}.tif", ("Laser A", "Laser B")), ("{}_{}.png", ("green", "red"))],
)  # fmt: skip
def test_channels_in_names_are_channels(tmp_path, pattern, words):
    names = [pattern.format(word, z) for word in words for z in range(2)]
    write(tmp_path, names)

    (stack,) = find_stacks([tmp_path])

    assert (stack.axes, stack.shape) == ("CZYX", (2, 2, 20, 24))
    assert tuple(channel.name for channel in stack.channels) == words
    expected = PLANES[:4].reshape(2, 2, 20, 24)
    for limit in (None, 0):
        np.testing.assert_array_equal(np.asarray(pixels(stack, limit)), expected)
    for c in range(2):
        with open_planes(tmp_path, {"C": c}) as store:
            np.testing.assert_array_equal(np.stack(list(store)), expected[c])


def test_planes_named_as_channels_are_taken_once_the_axis_is_named(tmp_path):
    write(tmp_path, [f"img_ch{k}.tif" for k in range(5)])

    with pytest.raises(InputError, match="C = 5, Y = 20, X = 24; if it changes along C, choose C"):
        open_planes(tmp_path)
    with open_planes(tmp_path, axis="C") as store:
        np.testing.assert_array_equal(np.stack(list(store)), PLANES)


def test_time_channel_and_depth_in_names_are_axes(tmp_path):
    places = [(t, z, c) for t in range(2) for z in range(3) for c in range(2)]
    for t, z, c in places:
        write(tmp_path, [f"t{t}_z{z}_c{c}.tif"], [np.full((20, 24), 100 * t + 10 * z + c, "u1")])

    (stack,) = find_stacks([tmp_path])

    assert (stack.axes, stack.shape[:3], stack.focus_axis) == ("TCZYX", (2, 2, 3), 2)
    with open_planes(tmp_path, {"T": 1, "C": 1}) as store:
        assert [int(plane[0, 0]) for plane in store] == [101, 111, 121]


def test_signed_positions_give_order_step_and_unit(tmp_path):
    heights = [-4, -2, 0, 2, 4]
    write(tmp_path, [f"cell_z{z:+.1f}um.tif" for z in heights])

    (stack,) = find_stacks([tmp_path])

    assert (stack.scale[0], stack.units[0], stack.positions) == (2.0, "um", (-4, -2, 0, 2, 4))
    np.testing.assert_array_equal(pixels(stack), PLANES)
    (listed,) = find_stacks(sorted(tmp_path.iterdir()))
    np.testing.assert_array_equal(pixels(listed), PLANES)


def write_photos(folder, names, times):
    """Write JPEGs that say when they were taken, if they do."""
    for name, plane, time in zip(names, PLANES, times, strict=True):
        image = Image.fromarray(plane)
        exif = image.getexif()
        if time:
            exif.get_ifd(0x8769)[36867] = time
        image.save(folder / name, exif=exif)


ROLLED = ["DSC_9998.JPG", "DSC_9999.JPG", "DSC_0001.JPG", "DSC_0002.JPG", "DSC_0003.JPG"]
TIMES = [f"2026:07:18 19:22:0{second}" for second in range(5)]


@pytest.mark.parametrize("times", [TIMES, [None] * 5, TIMES[:1] * 5], ids=["times", "none", "one"])
def test_a_counter_that_started_again_gives_the_right_order_and_is_said(tmp_path, times):
    write_photos(tmp_path, ROLLED, times)

    assert names_in(tmp_path) == ROLLED
    assert planes_in(tmp_path).notes == (
        "The counter starts again: DSC_9999.JPG is followed by DSC_0001.JPG.",
    )


def test_the_times_of_pictures_decide_where_the_counter_seems_to_start_again(tmp_path):
    write_photos(tmp_path, sorted(ROLLED), TIMES)

    assert names_in(tmp_path) == sorted(ROLLED)
    assert "sorted by the time of recording" in planes_in(tmp_path).notes[0]


def test_what_is_not_of_a_set_of_ome_tiffs_is_said(tmp_path):
    from tests.io.reading.test_ome_files import PLANES as SET
    from tests.io.reading.test_ome_files import write_all

    write_all(tmp_path)
    tifffile.imwrite(tmp_path / "a_overview.tif", PLANES[0])

    (stack,) = find_stacks([tmp_path])

    np.testing.assert_array_equal(pixels(stack), SET)
    assert stack.notes == ("Left out, not of the set of OME-TIFFs: a_overview.tif.",)


def test_images_given_in_an_order_that_is_not_that_of_their_numbers_are_taken_so_and_that_is_said(
    tmp_path,
):
    names = ["z-2um.tif", "z0um.tif", "z2um.tif"]
    write(tmp_path, names)
    paths = [tmp_path / name for name in names]

    for order in ([0, 1, 2], [2, 1, 0]):
        with open_planes([paths[at] for at in order]) as store:
            np.testing.assert_array_equal(np.stack(list(store)), PLANES[order])
    with (
        pytest.warns(UserWarning, match=r"z2um\.tif is followed by z-2um\.tif, unlike by number"),
        open_planes([paths[at] for at in (1, 2, 0)]) as store,
    ):
        np.testing.assert_array_equal(np.stack(list(store)), PLANES[[1, 2, 0]])


def test_several_other_images_without_a_number_are_left_out_of_a_pair(tmp_path):
    names = ["z1.tif", "z2.tif"]
    write(tmp_path, [*names, "fused.tif", "depth map.tif"])

    assert names_in(tmp_path) == names
    assert "fused.tif" in planes_in(tmp_path).notes[0]


def test_napari_takes_a_folder_with_a_small_copy_of_another_size(tmp_path):
    write(tmp_path, [f"z{k}.tif" for k in range(5)])
    write(tmp_path, ["a_thumb.tif"], [PLANES[0, :10, :12]])

    assert get_reader(str(tmp_path)) is not None


def test_pictures_by_name_are_not_sorted_but_the_gap_of_their_counter_is_named(tmp_path):
    write_photos(tmp_path, ROLLED, TIMES)
    paths = sorted(tmp_path.iterdir())  # as a shell gives them

    match = r"DSC_0003\.JPG is followed by DSC_9998\.JPG"
    with pytest.warns(UserWarning, match=match), open_planes(paths) as store:
        assert [path.name for path in store.stack.files] == sorted(ROLLED)
