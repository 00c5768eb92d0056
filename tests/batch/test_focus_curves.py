"""The best plane of each series, time point and position is found between planes too."""

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from napari_focusstack.batch.focus_curves import focus_curves
from napari_focusstack.errors import InputError

PLANES = 7


def planes_in_focus_at(focus, seed=0):
    """Planes (P, Y, X) of a flat specimen in focus at a plane, counted from 1."""
    surface = gaussian_filter(np.random.default_rng(seed).random((96, 96)), 0.8)
    steps = np.abs(np.arange(1, PLANES + 1) - focus)
    noise = np.random.default_rng(seed + 1).normal(0, 0.002, (PLANES, 96, 96))
    blurred = [gaussian_filter(surface, np.hypot(0.5, 0.8 * step)) for step in steps]
    return ((np.stack(blurred) + noise) * 40000).astype(np.uint16)


@pytest.mark.parametrize("focus", [2.0, 3.3, 4.5, 5.8])
def test_focus_is_found_to_a_fifth_of_a_step(tmp_path, focus):
    about = {"axes": "ZYX", "spacing": 2.5, "unit": "um"}
    tifffile.imwrite(tmp_path / "s.tif", planes_in_focus_at(focus), imagej=True, metadata=about)
    (curve,) = focus_curves(tmp_path / "s.tif")
    assert curve.diagnosis.best_plane == pytest.approx(focus, abs=0.2)
    assert curve.best_z == pytest.approx(2.5 * (focus - 1), abs=0.5)
    assert [row["z"] for row in curve.rows()] == [2.5 * plane for plane in range(PLANES)]
    assert curve.best_row()["best_plane"] == round(curve.diagnosis.best_plane)
    assert f"best plane {round(curve.diagnosis.best_plane)} (focus at plane" in curve.sentence()


def test_each_time_point_has_its_own_and_the_channel_is_chosen(tmp_path):
    focus = np.array([[2.0, 6.0], [3.0, 5.0], [4.0, 4.0]])  # of time points and channels
    data = np.stack([[planes_in_focus_at(at) for at in row] for row in focus]).swapaxes(1, 2)
    tifffile.imwrite(tmp_path / "s.ome.tif", data, metadata={"axes": "TZCYX"})
    for channel in (1, 2):
        curves = list(focus_curves(tmp_path / "s.ome.tif", channel))
        assert [curve.place for curve in curves] == [{"T": 1}, {"T": 2}, {"T": 3}]
        best = [curve.diagnosis.best_plane for curve in curves]
        np.testing.assert_allclose(best, focus[:, channel - 1], atol=0.15)
    with pytest.raises(InputError, match="no channel 3; give one from 1 to 2"):
        next(focus_curves(tmp_path / "s.ome.tif", 3))


def test_chosen_planes_keep_their_numbers(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", planes_in_focus_at(4.0), metadata={"axes": "ZYX"})
    (curve,) = focus_curves(tmp_path / "s.tif", planes="3:7")
    assert curve.diagnosis.best_plane == pytest.approx(4.0, abs=0.15)
    assert [row["plane"] for row in curve.rows()] == [3, 4, 5, 6, 7]


def test_uneven_positions_give_the_place_along_the_axis(tmp_path):
    z = [0, 1, 2, 4, 8, 9, 10]
    about = {"axes": "ZYX", "Plane": {"PositionZ": z, "PositionZUnit": ["um"] * PLANES}}
    tifffile.imwrite(tmp_path / "s.ome.tif", planes_in_focus_at(4.0), metadata=about)
    (curve,) = focus_curves(tmp_path / "s.ome.tif")
    assert curve.best_z == pytest.approx(4, abs=0.5)


def test_where_nothing_is_shown_there_is_no_best_plane(tmp_path):
    empty = np.random.default_rng(0).integers(90, 110, (PLANES, 64, 64)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "s.tif", empty, metadata={"axes": "ZYX"})
    (curve,) = focus_curves(tmp_path / "s.tif")
    assert (curve.diagnosis.best_plane, curve.best_z) == (None, None)
    assert curve.best_row()["best_plane"] == ""
    assert curve.sentence() == "no plane shows anything"


def test_a_source_without_planes_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((20, 20), np.uint8))
    with pytest.raises(InputError, match="no axis along which focus changes"):
        next(focus_curves(tmp_path / "one.tif"))
