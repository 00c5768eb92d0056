"""The store of planes: every pixel of every kind of stack, in flat memory, damage by name."""

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.plane_store import PlaneStore, open_planes
from napari_focusstack.runtime.progress import Progress

NOISE = np.random.default_rng(0)
RECTANGLE = np.s_[7:30, 11:40]


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def page_by_page(path, data):
    with tifffile.TiffWriter(path) as writer:
        for plane in data:
            writer.write(plane)


def with_pillow(path, data):
    first, *rest = (Image.fromarray(plane) for plane in data)
    first.save(path, save_all=True, append_images=rest, compression="tiff_lzw")


def tiff(**options):
    def write(path, data):
        tifffile.imwrite(path, data, metadata={"axes": "ZYXS"[: data.ndim]}, **options)

    return write


RAW = {
    "plain": tiff(),
    "bare": lambda path, data: tifffile.imwrite(path, data, metadata=None),
    "page by page": page_by_page,
    "imagej": tiff(imagej=True),
    "one header": tiff(truncate=True),
    "ome": tiff(ome=True),
    "big endian": tiff(byteorder=">"),
    "strips": tiff(rowsperstrip=5),
    "bigtiff": tiff(bigtiff=True),
}
ENCODED = {
    "zlib": tiff(compression="zlib"),
    "pillow": with_pillow,
    "lzw tiles": tiff(compression="lzw", tile=(16, 16), ome=True),
    "raw tiles": tiff(tile=(16, 16)),
    "predictor, big endian": tiff(compression="zlib", predictor=True, byteorder=">"),
}


@pytest.mark.parametrize("origin", [*RAW, *ENCODED])
def test_every_tiff_gives_its_planes_and_their_rectangles(tmp_path, origin):
    for shape, dtype in (
        ((5, 32, 48), "uint16"),
        ((5, 32, 48), "float32"),
        ((5, 32, 48, 3), "uint8"),
    ):
        path, data = tmp_path / "stack.tif", noise(*shape, dtype=dtype)
        (RAW | ENCODED)[origin](path, data)

        with open_planes(path, budget_bytes=0) as store:
            assert (store.shape, store.dtype, len(store)) == (shape, np.dtype(dtype), 5)
            assert store.backing == ("file" if origin in RAW else "scratch")
            for number in (3, 0, 4, 3):
                part = store.read(number, RECTANGLE)
                assert part.dtype == np.dtype(dtype)
                np.testing.assert_array_equal(part, data[number][RECTANGLE])
            np.testing.assert_array_equal(np.stack(list(store)), data)
            np.testing.assert_array_equal(store[-1], data[4])
            with pytest.raises(IndexError):
                store[5]


def test_a_rectangle_of_raw_pixels_is_all_that_is_taken(tmp_path, monkeypatch):
    path, data = tmp_path / "stack.tif", noise(5, 32, 48)
    RAW["plain"](path, data)
    taken = []
    array = np.array
    monkeypatch.setattr(
        stack_pixels.np, "array", lambda one, *rest: taken.append(one.shape) or array(one, *rest)
    )

    open_planes(path).read(2, RECTANGLE)

    assert taken == [(23, 29)]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("at", [{}, {"T": 2, "C": 1}])
def test_time_point_and_channel_are_chosen(tmp_path, compression, at):
    path, data = tmp_path / "hyper.tif", noise(3, 4, 2, 32, 48)
    meta = {"axes": "TZCYX"}
    tifffile.imwrite(path, data, imagej=True, metadata=meta, compression=compression)

    with PlaneStore(find_stacks([path])[0], at) as store:
        expected = data[at.get("T", 0), :, at.get("C", 0)]
        np.testing.assert_array_equal(np.stack(list(store)), expected)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({"C": 2}, r"has no channel 3; give one from 1 to 2"),
        ({"T": -1}, r"has no time point 0; give one from 1 to 1"),
        ({"Q": 4}, r"has no place along Q 5"),
    ],
)
def test_a_place_that_is_not_there_is_named(tmp_path, at, message):
    path = tmp_path / "hyper.tif"
    tifffile.imwrite(path, noise(4, 2, 32, 48), imagej=True, metadata={"axes": "ZCYX"})

    with pytest.raises(InputError, match=message):
        open_planes(path, at)


def test_channels_among_the_samples_of_a_pixel_are_chosen_too(tmp_path):
    path, data = tmp_path / "stack.tif", noise(5, 32, 48, 2)
    tifffile.imwrite(path, data, photometric="minisblack", planarconfig="contig")

    np.testing.assert_array_equal(open_planes(path, {"C": 1})[3], data[3, ..., 1])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planar_colours_come_last(tmp_path, compression):
    path, data = tmp_path / "stack.tif", noise(5, 3, 32, 48, dtype="uint8")
    tifffile.imwrite(
        path, data, photometric="rgb", planarconfig="separate", compression=compression
    )

    with open_planes(path) as store:
        np.testing.assert_array_equal(
            store.read(3, RECTANGLE), np.moveaxis(data[3], 0, -1)[RECTANGLE]
        )


def test_planes_within_one_page_are_found(tmp_path):
    path, data = tmp_path / "volume.tif", noise(16, 32, 48)
    tifffile.imwrite(path, data, volumetric=True, tile=(16, 16, 16), metadata={"axes": "ZYX"})

    with open_planes(path) as store:
        assert store.shape == data.shape
        np.testing.assert_array_equal(store[11], data[11])


def test_planes_that_count_along_the_last_axis_are_found(tmp_path):
    path, data = tmp_path / "stack.tif", noise(32, 48, 5)
    tifffile.imwrite(path, data, photometric="minisblack", metadata={"axes": "YXZ"})

    with open_planes(path) as store:
        assert store.shape == (5, 32, 48)
        np.testing.assert_array_equal(store.read(3, RECTANGLE), data[*RECTANGLE, 3])


@pytest.mark.parametrize("origin", ["plain", "zlib"])
def test_progress_counts_the_planes_that_were_read(tmp_path, origin):
    path, told = tmp_path / "stack.tif", []
    (RAW | ENCODED)[origin](path, noise(5, 32, 48))

    with open_planes(path, progress=told.append) as store:
        for number in (0, 2, 0, 1, 2):
            store.read(number, RECTANGLE)

    assert told == [Progress("read planes", done, 5) for done in (1, 2, 3)]


@pytest.mark.parametrize(
    ("options", "budget_bytes", "held"),
    [
        ({}, None, "file"),
        ({"compression": "zlib"}, None, "memory"),
        ({"compression": "zlib"}, 1000, "scratch"),
    ],
)
def test_a_fourth_sample_masks_what_is_not_opaque(tmp_path, options, budget_bytes, held):
    path, data = tmp_path / "stack.tif", noise(5, 32, 48, 4, dtype="uint8")
    data[..., 3] = 255
    data[2, :8, :20, 3] = 0
    tifffile.imwrite(path, data, photometric="rgb", metadata={"axes": "ZYXS"}, **options)
    with open_planes(path, budget_bytes=budget_bytes) as store:
        assert store.backing == held
        assert store.shape == (5, 32, 48, 3)
        for _ in range(2):  # loaded, then kept
            np.testing.assert_array_equal(store[1], data[1, ..., :3])
            assert not np.ma.is_masked(store[1])
            part = store.read(2, RECTANGLE)
            np.testing.assert_array_equal(part.data, data[2, *RECTANGLE][..., :3])
            np.testing.assert_array_equal(part.mask[..., 1], data[2, *RECTANGLE][..., 3] == 0)


@pytest.mark.parametrize(
    ("suffix", "held"), [("png", "scratch"), ("jpg", "scratch"), ("tif", "file")]
)
def test_a_folder_of_images_is_a_store_in_natural_order(tmp_path, suffix, held):
    planes = {z: np.full((32, 48, 3), 20 * z, np.uint8) for z in (10, 2, 1)}
    for z, plane in planes.items():
        Image.fromarray(plane).save(tmp_path / f"z{z}.{suffix}")

    with open_planes(tmp_path, budget_bytes=0) as store:
        assert (store.backing, store.shape) == (held, (3, 32, 48, 3))
        assert [int(plane[5, 5, 0]) for plane in store] == [20, 40, 200]


def test_a_list_of_images_keeps_its_order(tmp_path):
    for name, value in (("near", 9), ("far", 3)):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((32, 48), value, np.uint16))

    store = open_planes([tmp_path / "near.tif", tmp_path / "far.tif"])

    assert [plane[0, 0] for plane in store] == [9, 3]


def test_images_of_another_type_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "z1.tif", noise(32, 48))
    tifffile.imwrite(tmp_path / "z2.tif", noise(32, 48, dtype="uint8"))

    with pytest.raises(InputError, match=r"plane 2 of 2: z2\.tif is uint8 .*z1\.tif uint16"):
        list(open_planes(tmp_path))


def test_a_single_picture_is_no_stack(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", noise(32, 48))

    with pytest.raises(InputError, match=r"one\.tif has no axis along which focus changes"):
        open_planes(tmp_path / "one.tif")


def test_decoded_planes_stay_in_memory_within_the_budget_and_are_decoded_once(
    tmp_path, monkeypatch
):
    path, data = tmp_path / "stack.tif", noise(5, 32, 48)
    ENCODED["zlib"](path, data)
    decoded = []
    page = stack_pixels._page
    monkeypatch.setattr(stack_pixels, "_page", lambda *place: decoded.append(place) or page(*place))
    for budget, held in ((data.nbytes, "memory"), (data.nbytes - 1, "scratch")):
        with open_planes(path, budget_bytes=budget) as store:
            assert store.backing == held
            for _ in range(2):
                np.testing.assert_array_equal(np.stack(list(store)), data)
    assert len(decoded) == 10


def test_the_scratch_file_is_gone_after_closing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ENCODED["zlib"](tmp_path / "stack.tif", noise(5, 32, 48))

    with open_planes(tmp_path / "stack.tif", budget_bytes=0) as store:
        store.read(0)

    assert [path.name for path in tmp_path.iterdir()] == ["stack.tif"]


def test_threads_may_read_at_once(tmp_path):
    path, data = tmp_path / "stack.tif", noise(6, 64, 64)
    ENCODED["zlib"](path, data)

    with open_planes(path, budget_bytes=0) as store, ThreadPoolExecutor(4) as pool:
        numbers = [number % 6 for number in range(60)]
        for number, plane in zip(numbers, pool.map(store.read, numbers), strict=True):
            np.testing.assert_array_equal(plane, data[number])


def test_a_truncated_tiff_is_refused_in_one_sentence_when_it_is_opened(tmp_path):
    path, said = tmp_path / "stack.tif", {}
    for origin, write in (RAW | ENCODED).items():
        write(path, noise(5, 48, 64))
        whole = path.read_bytes()
        for cut in (0.02, 0.3, 0.5, 0.8, 0.99):
            path.write_bytes(whole[: int(cut * len(whole))])
            said[origin, cut] = "nothing"
            try:
                open_planes(path).close()
            except InputError as error:
                said[origin, cut] = str(error)

    refused = re.compile(r".*stack\.tif .*cut short or damaged.*")
    assert {case: text for case, text in said.items() if not refused.fullmatch(text)} == {}


def test_missing_pixels_are_named_by_their_page(tmp_path):
    path, data = tmp_path / "stack.tif", noise(5, 48, 64)
    RAW["one header"](path, data)
    path.write_bytes(path.read_bytes()[: -data[0].nbytes - 9])

    with pytest.raises(InputError, match="pixels are missing from page 4 on"):
        open_planes(path)


def test_a_file_that_shrinks_meanwhile_raises_rather_than_ending_the_program(tmp_path):
    path, data = tmp_path / "stack.tif", noise(5, 48, 64)
    RAW["plain"](path, data)
    store = open_planes(path)
    path.write_bytes(path.read_bytes()[: -data[0].nbytes])

    store.read(3)
    with pytest.raises(InputError, match=r"plane 5 of 5: .*stack\.tif .*pixels are missing"):
        store.read(4)


def test_damage_inside_a_plane_is_named_by_its_file_and_number(tmp_path):
    path = tmp_path / "stack.tif"
    ENCODED["zlib"](path, noise(5, 48, 64))
    with tifffile.TiffFile(path) as opened:
        offset = opened.pages[3].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 200] = bytes(200)
    path.write_bytes(content)

    with open_planes(path, budget_bytes=0) as store:
        store.read(2)
        with pytest.raises(InputError, match=r"plane 4 of 5: .*stack\.tif .*damaged"):
            store.read(3)


def test_a_damaged_image_of_a_folder_is_named_by_its_file_and_number(tmp_path):
    for z in range(3):
        Image.fromarray(noise(64, 64, dtype="uint8")).save(tmp_path / f"z{z}.png")
    cut = tmp_path / "z1.png"
    cut.write_bytes(cut.read_bytes()[:2000])

    with open_planes(tmp_path) as store:
        store.read(0)
        with pytest.raises(InputError, match=r"plane 2 of 3: .*z1\.png .*damaged"):
            store.read(1)


PEAKS = """
import resource, sys
from napari_focusstack.io.reading.plane_store import open_planes
for path in sys.argv[1:]:
    with open_planes(path, budget_bytes=0) as store:
        for _ in range(2):
            for plane in store:
                plane.max()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_memory_does_not_grow_with_the_number_of_planes(tmp_path, compression):
    paths = []
    for count in (4, 40):
        paths.append(tmp_path / f"{count}.tif")
        data = np.broadcast_to(noise(1024, 1024), (count, 1024, 1024))
        meta = {"axes": "ZYX"}
        tifffile.imwrite(
            paths[-1], data, photometric="minisblack", metadata=meta, compression=compression
        )
    done = subprocess.run([sys.executable, "-c", PEAKS, *paths], check=True, capture_output=True)
    peak_of_4, peak_of_40 = map(int, done.stdout.split())

    # 36 planes more are 75 MB more on disk.
    assert peak_of_40 - peak_of_4 < 12e6
