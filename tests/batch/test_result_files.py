"""Files of a stack: cut at the end to what all planes show, or written as they come."""

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch.result_files import ResultFiles
from napari_focusstack.errors import InputError
from napari_focusstack.io.writing.result import ResultForm

FORM = ResultForm(
    shape=(2, 20, 30),
    dtype=np.dtype("u2"),
    axes="TYX",
    scale=(1, 0.5, 0.5),
    units=("s", "um", "um"),
)
PIXELS = np.arange(2 * 20 * 30, dtype=np.uint16).reshape(2, 20, 30)


def write(path, crop, shown=((slice(0, 20), slice(0, 30)),) * 2):
    with ResultFiles({"image": path}, {"image": FORM, "depth": FORM}, crop=crop) as files:
        for time, region in enumerate(shown):
            files.write("image", PIXELS[time], {"T": time})
            valid = np.zeros((20, 30), bool)
            valid[region] = True
            files.narrow(valid)
        return files.cut()


def test_what_some_planes_do_not_show_at_any_time_is_cut_off(tmp_path):
    shown = np.s_[2:20, 0:30], np.s_[0:18, 4:30]
    assert write(tmp_path / "whole.tif", False, shown) is None
    assert write(tmp_path / "cut.tif", True, shown) == np.s_[2:18, 4:30]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "whole.tif"), PIXELS)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "cut.tif"), PIXELS[:, 2:18, 4:30])


@pytest.mark.parametrize("name", ["image.gif", "image.png", "nowhere/image.tif"])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path, name):
    for crop in (False, True):
        with (
            pytest.raises(InputError),
            ResultFiles({"image": tmp_path / name}, {"image": FORM}, crop=crop),
        ):
            pytest.fail("the work has begun")


def test_nothing_is_left_where_planes_share_no_pixel(tmp_path):
    with pytest.raises(InputError, match="crop leaves nothing"):
        write(tmp_path / "cut.tif", True, (np.s_[0:5, 0:30], np.s_[5:20, 0:30]))
    assert list(tmp_path.iterdir()) == []
