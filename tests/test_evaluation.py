"""Cases are found in a folder by their names, and scored by what they know."""

import json
import math

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation import evaluate, find_cases, mean_row, table
from napari_focusstack.io.writer import write_image
from napari_focusstack.optics import linear_to_srgb
from napari_focusstack.parameters import FuseParameters


def encode_truth(scene):
    """The all-in-focus truth as an 8-bit sRGB image."""
    coded = linear_to_srgb(scene.truth).permute(1, 2, 0)
    return (coded * 255).round().byte().numpy()


@pytest.fixture
def folder(tmp_path, make_scene):
    """Case a knows everything, case b its planes only."""
    scene = make_scene(3.0, side=96)
    near, far = scene.planes()
    images = {"a-near": near, "a-far": far, "b_near": near, "b_far": far}
    images["a-mask"] = np.where(scene.mask, 255, 0).astype(np.uint8)
    images["a-truth"] = encode_truth(scene)
    for name, image in images.items():
        write_image(tmp_path / f"{name}.png", image)
    (tmp_path / "a-meta.json").write_text(json.dumps({"sigma_px": 3.0}))
    (tmp_path / "notes.txt").write_text("not a case")
    return tmp_path


def test_cases_are_what_their_names_say(folder):
    a, b = find_cases(folder)
    assert (a.name, b.name) == ("a", "b")
    assert set(a.files) == {"near", "far", "truth", "mask", "meta"}
    assert a.sigma_px() == 3.0
    assert set(np.unique(a.alpha())) == {0.0, 1.0}
    assert b.alpha() is None
    assert b.sigma_px() is None


def test_each_case_is_scored_by_what_it_knows(folder, fsb_weights, keb_weights):
    parameters = FuseParameters(
        fsb_weights=str(fsb_weights), keb_weights=str(keb_weights), device="cpu"
    )
    a, b = evaluate(find_cases(folder), parameters)
    assert a["mean_iou"] > 0.8
    assert a["sigma_error"] < 0.3
    assert math.isfinite(a["psnr"])
    assert a["tr_unmix"] > a["tr_none"] + 2
    assert "tr_subtract" in a
    assert set(b) == {"case", "seconds", "q_mi", "q_abf", "q_y", "residual"}
    assert b["q_mi"] == pytest.approx(a["q_mi"])


def test_a_mean_is_over_the_cases_that_have_the_figure():
    rows = [{"case": "a", "psnr": 30.0, "ssim": 0.9}, {"case": "b", "psnr": 40.0}]
    assert mean_row(rows) == {"case": "mean", "psnr": 35.0, "ssim": 0.9}


def test_the_table_has_a_line_per_case_and_a_dash_for_what_is_not_known():
    lines = table([{"case": "a", "psnr": 30.0}, {"case": "b", "ssim": 0.5}]).splitlines()
    assert lines[0].split() == ["case", "psnr", "ssim"]
    assert lines[1].split() == ["a", "30.000", "-"]
    assert lines[2].split() == ["b", "-", "0.500"]
    assert len({len(line) for line in lines}) == 1


def test_a_folder_without_cases_is_refused(tmp_path):
    with pytest.raises(InputError, match="NAME-near"):
        find_cases(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        find_cases(tmp_path / "missing")


def test_a_case_without_its_far_plane_is_named(tmp_path):
    (tmp_path / "lone-near.png").touch()
    with pytest.raises(InputError, match=r"case lone .* has no far plane"):
        find_cases(tmp_path)
