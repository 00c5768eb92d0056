"""Sets of OME-TIFFs: one stack in several files, and files that are lost."""

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch.batch import find_sources
from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.plugin.reader import get_reader

PLANES = np.random.default_rng(0).integers(0, 4096, (5, 20, 24)).astype(np.uint16)
NAMES = [f"z{k}.ome.tif" for k in range(5)]
ID = "urn:uuid:0000000{}-0000-0000-0000-000000000000"
OME = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{uuid}>{body}</OME>'
)
PIXELS = (
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="24" '
    'SizeY="20" SizeC="1" SizeZ="5" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
    "{data}</Pixels></Image>"
)
DATA = "".join(
    f'<TiffData FirstZ="{k}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{ID.format(k)}</UUID>'
    "</TiffData>"
    for k, name in enumerate(NAMES)
)


def write_all(folder):
    """Each file describes the whole set."""
    for k, name in enumerate(NAMES):
        text = OME.format(uuid=f' UUID="{ID.format(k)}"', body=PIXELS.format(data=DATA))
        tifffile.imwrite(folder / name, PLANES[k], description=text, metadata=None)


def write_binary_only(folder, source):
    """All files but the source refer to it for their description."""
    for k, name in enumerate(NAMES):
        if name != source:
            body = f'<BinaryOnly MetadataFile="{source}" UUID="{ID.format(9)}"/>'
            text = OME.format(uuid=f' UUID="{ID.format(k)}"', body=body)
            tifffile.imwrite(folder / name, PLANES[k], description=text, metadata=None)


def write_companion(folder):
    """The description is a file of its own."""
    write_binary_only(folder, "set.companion.ome")
    text = OME.format(uuid=f' UUID="{ID.format(9)}"', body=PIXELS.format(data=DATA))
    (folder / "set.companion.ome").write_text(text, encoding="utf-8")


def write_master(folder):
    """The description lies in the first file."""
    write_binary_only(folder, NAMES[0])
    text = OME.format(uuid=f' UUID="{ID.format(0)}"', body=PIXELS.format(data=DATA))
    tifffile.imwrite(folder / NAMES[0], PLANES[0], description=text, metadata=None)


def planes_of(path):
    with open_planes(path) as store:
        return np.stack([store[number] for number in range(len(store))])


@pytest.fixture(params=[write_all, write_companion, write_master])
def folder(request, tmp_path):
    request.param(tmp_path)
    return tmp_path


def test_a_folder_and_each_of_its_files_are_read_once_as_one_stack(folder):
    for path in (folder, *(folder / name for name in NAMES)):
        (stack,) = find_stacks([path])
        assert (stack.axes, stack.shape) == ("ZYX", PLANES.shape)
        np.testing.assert_array_equal(planes_of(path), PLANES)
    assert get_reader(str(folder)) is not None
    ((data, _, kind),) = get_reader(str(folder))(str(folder))
    np.testing.assert_array_equal(data, PLANES)
    assert kind == "image"


@pytest.mark.parametrize("lost", [1, 3, 4])
def test_a_lost_file_is_named_with_its_plane_whichever_is_given(folder, lost):
    (folder / NAMES[lost]).unlink()

    for path in (folder, *(folder / name for k, name in enumerate(NAMES) if k != lost)):
        with pytest.raises(
            InputError, match=rf"z{lost}\.ome\.tif, plane {lost + 1} of 5, is missing; copy it"
        ):
            find_stacks([path])


def test_files_named_one_by_one_do_without_the_lost_one(folder):
    (folder / NAMES[3]).unlink()
    kept = [0, 1, 2, 4]

    planes = planes_of([folder / NAMES[k] for k in kept])

    np.testing.assert_array_equal(planes, PLANES[kept])


def test_several_lost_files_are_counted(folder):
    for k in (2, 3):
        (folder / NAMES[k]).unlink()

    with pytest.raises(InputError, match=r"z2\.ome\.tif, plane 3 of 5, is missing, as are 1 more"):
        find_stacks([folder])


def test_the_companion_file_itself_may_be_given_and_is_named_if_it_is_lost(tmp_path):
    write_companion(tmp_path)

    np.testing.assert_array_equal(planes_of(tmp_path / "set.companion.ome"), PLANES)

    (tmp_path / "set.companion.ome").unlink()
    for path in (tmp_path, tmp_path / NAMES[2]):
        with pytest.raises(InputError, match=r"set\.companion\.ome, which describes it, is"):
            find_stacks([path])


def test_a_renamed_file_that_holds_everything_is_whole(tmp_path):
    data = f'<TiffData PlaneCount="5"><UUID FileName="old.ome.tif">{ID.format(0)}</UUID></TiffData>'
    text = OME.format(uuid=f' UUID="{ID.format(0)}"', body=PIXELS.format(data=data))
    path = tmp_path / "new.ome.tif"
    tifffile.imwrite(path, PLANES, description=text, metadata=None)

    np.testing.assert_array_equal(planes_of(path), PLANES)


def test_two_sets_in_a_folder_are_named(tmp_path):
    write_all(tmp_path)
    other = DATA.replace("z", "y").replace("0000000", "1000000")
    for k, name in enumerate(NAMES):
        text = OME.format(uuid=f' UUID="{ID.format(k)}"', body=PIXELS.format(data=other))
        text = text.replace("urn:uuid:0", "urn:uuid:1")
        path = tmp_path / name.replace("z", "y")
        tifffile.imwrite(path, PLANES[k], description=text, metadata=None)

    with pytest.raises(InputError, match=r"holds 2 sets of OME-TIFFs \(of y0\.ome\.tif, z0\.ome"):
        find_stacks([tmp_path])


def test_each_file_may_hold_all_planes_of_a_channel(tmp_path):
    pixels = PIXELS.replace('SizeC="1"', 'SizeC="2"').replace(
        "<Channel ", '<Channel ID="Channel:0:1" SamplesPerPixel="1"/><Channel '
    )
    data = "".join(
        f'<TiffData FirstC="{c}" IFD="0" PlaneCount="5"><UUID FileName="c{c}.ome.tif">'
        f"{ID.format(c)}</UUID></TiffData>"
        for c in range(2)
    )
    for c in range(2):
        text = OME.format(uuid=f' UUID="{ID.format(c)}"', body=pixels.format(data=data))
        planes = PLANES + c
        tifffile.imwrite(tmp_path / f"c{c}.ome.tif", planes, description=text, metadata=None)

    for path in (tmp_path, tmp_path / "c1.ome.tif"):
        (stack,) = find_stacks([path])
        assert (stack.axes, stack.shape[:2]) == ("CZYX", (2, 5))
        with open_planes(path, {"C": 1}) as store:
            np.testing.assert_array_equal(np.stack(list(store)), PLANES + 1)

    (tmp_path / "c1.ome.tif").unlink()
    with pytest.raises(
        InputError, match=r"c1\.ome\.tif, 5 planes from plane 1 of 5 of channel 2 of 2 on, is miss"
    ):
        find_stacks([tmp_path])


def test_a_batch_takes_a_set_once(folder, tmp_path_factory):
    other = folder / "other.ome.tif"
    tifffile.imwrite(other, PLANES, ome=True, metadata={"axes": "ZYX"})
    (folder / "damaged.ome.tif").write_bytes(b"II*")

    sources = find_sources([str(folder / "*.ome*")], tmp_path_factory.mktemp("out"))

    assert len(sources) == 3
    assert {other, folder / "damaged.ome.tif"} < set(sources)
