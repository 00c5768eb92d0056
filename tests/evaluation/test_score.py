"""Every fused image of every case is scored."""

import math
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
import torch

from napari_focusstack.elimination.diffusion import transition_region
from napari_focusstack.errors import InputError
from napari_focusstack.evaluation import fusion_metrics, truth_metrics
from napari_focusstack.evaluation.cases import find_cases
from napari_focusstack.evaluation.score import evaluate
from napari_focusstack.imaging.blur import blur
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.parameters import FuseParameters

ALWAYS = {"case", "image", "unexplained", "q_mi", "q_abf", "q_y"}
BY_TRUTH = {"psnr", "ssim", "tr"}
ONCE = {"seconds", "mean_iou", "sigma_error", "reblur_psnr", "reblur_ssim", "residual"}


@pytest.fixture(scope="module")
def parameters(fsb_weights, keb_weights):
    return FuseParameters(
        fsb_weights=str(fsb_weights),
        keb_weights=str(keb_weights),
        device="cpu",
        psf_shape="gaussian",
    )


@pytest.fixture(scope="module")
def scores(folder, parameters):
    """The scores of the cases a, b and c."""
    return list(evaluate(find_cases(folder), parameters, {"other": folder / "other"}))


def row(scores, image):
    """The row of one image."""
    (found,) = [row for row in scores.rows if row["image"] == image]
    return found


def test_every_image_of_every_case_has_a_row(scores):
    names = ["none", "subtract", "unmix", "other"]
    rows = [(row["case"], row["image"]) for each in scores for row in each.rows]
    assert rows == [(case, name) for case in "abc" for name in names]


def test_images_are_kept_in_the_order_in_which_they_are_shown(scores):
    fused = ["none", "subtract", "unmix", "other"]
    assert list(scores[0].images) == ["near", "far", *fused, "truth"]
    assert list(scores[1].images) == ["near", "far", *fused]
    for each, shape, dtype in (
        (scores[0], (96, 96, 3), "uint8"),
        (scores[2], (96, 96), "uint16"),
    ):
        for image in each.images.values():
            assert (image.shape, image.dtype) == (shape, dtype)
    assert np.array_equal(scores[0].images["other"], scores[0].images["near"])
    assert not np.array_equal(scores[0].images["unmix"], scores[0].images["subtract"])


def test_each_row_holds_what_the_case_knows(scores):
    for each, known in ((scores[0], BY_TRUTH), (scores[1], set()), (scores[2], BY_TRUTH)):
        for name in ("none", "subtract", "other"):
            assert set(row(each, name)) == ALWAYS | known
    assert set(row(scores[0], "unmix")) == ALWAYS | BY_TRUTH | ONCE
    assert set(row(scores[1], "unmix")) == ALWAYS | {"seconds", "residual"}
    for each in scores:
        for figures in each.rows:
            assert all(math.isfinite(v) for v in figures.values() if not isinstance(v, str))


def test_figures_are_those_of_the_image_in_the_row(scores):
    a = scores[0]
    near, far, truth = (a.images[kind] for kind in ("near", "far", "truth"))
    for name in ("none", "unmix", "other"):
        image, found = a.images[name], row(a, name)
        assert found["psnr"] == truth_metrics.psnr(image, truth)
        assert found["tr"] == truth_metrics.psnr(image, truth, a.region)
        assert found["ssim"] == truth_metrics.ssim(image, truth)
        assert found["q_mi"] == fusion_metrics.q_mi(near, far, image)
        assert found["q_abf"] == fusion_metrics.q_abf(near, far, image)
        assert found["q_y"] == fusion_metrics.q_y(near, far, image)


@pytest.mark.parametrize("number", [0, 2], ids=["8-bit RGB", "16-bit grey"])
def test_elimination_gains_in_the_transition_region(scores, number):
    each = scores[number]
    none, subtract, unmix, other = (
        row(each, name) for name in ("none", "subtract", "unmix", "other")
    )
    assert unmix["tr"] > none["tr"] + 2
    assert unmix["tr"] > subtract["tr"]
    assert unmix["unexplained"] < 0.7 * none["unexplained"]
    assert unmix["unexplained"] < other["unexplained"]
    assert unmix["mean_iou"] > 0.8
    assert unmix["sigma_error"] < 0.3
    assert unmix["reblur_psnr"] > 30
    assert unmix["reblur_ssim"] > 0.95
    assert 0 < unmix["residual"] < 5
    assert unmix["seconds"] > 0


def test_without_truth_the_planes_alone_rank_the_images_alike(scores):
    names = ["none", "subtract", "unmix", "other"]
    a, b = ({name: row(each, name) for name in names} for each in scores[:2])
    for name in names:
        assert b[name]["q_mi"] == pytest.approx(a[name]["q_mi"])
    left = [a[name]["unexplained"] for name in ("unmix", "subtract", "none", "other")]
    assert left == sorted(left)
    # of the second the mask had to be found
    assert max(b[name]["unexplained"] for name in names) == b["other"]["unexplained"]


def test_with_a_good_mask_that_was_found_elimination_is_known_to_gain(folder, parameters):
    (b,) = evaluate(
        find_cases(folder)[1:2],
        replace(parameters, fsb_weights=None),
        {"other": folder / "other"},
    )
    left = {name: row(b, name)["unexplained"] for name in ("unmix", "none", "other")}
    assert left["unmix"] < 0.9 * left["none"]
    assert left["none"] < left["other"]


def test_the_region_is_that_of_the_true_mask_and_blur(scores, folder):
    alpha = torch.from_numpy(find_cases(folder)[0].alpha())[None]
    expected = transition_region(alpha, blur(alpha, 3.0))[0].numpy()
    assert np.array_equal(scores[0].region, expected)
    assert scores[1].region.shape == (96, 96)
    assert 0.05 < scores[1].region.mean() < 0.9


def test_the_chosen_elimination_has_the_figures_that_are_found_once(folder, parameters):
    chosen = replace(parameters, elimination="subtract", psf=3.0)
    (each,) = evaluate(find_cases(folder)[:1], chosen)
    assert [found["image"] for found in each.rows] == ["none", "subtract", "unmix"]
    for found in each.rows:
        assert ("seconds" in found) == (found["image"] == "subtract")
    assert row(each, "subtract")["sigma_error"] == pytest.approx(0)
    assert list(each.images) == ["near", "far", "none", "subtract", "unmix", "truth"]


def test_without_a_foreground_nothing_is_eliminated_but_all_is_scored(folder, parameters, tmp_path):
    files = {}
    for name, blind in (("fsb", FSB(width=8, down=(2, 4))), ("deb", DEB(width=8, levels=2))):
        path = tmp_path / f"{name}.safetensors"
        with torch.no_grad():
            for parameter in blind.parameters():
                parameter.zero_()
            if name == "fsb":
                blind.head[4].bias.fill_(-8.0)
        weights.save(blind, path)
        files[f"{name}_weights"] = str(path)
    chosen = replace(parameters, **files, psf=3.0)
    a, b = evaluate(find_cases(folder)[:2], chosen)
    for each in (a, b):
        for name in ("none", "subtract", "unmix"):
            assert np.array_equal(each.images[name], each.images["none"])
    assert set(row(a, "unmix")) == ALWAYS | BY_TRUTH | {"seconds", "mean_iou"}
    assert row(a, "unmix")["mean_iou"] < 0.5
    assert set(row(b, "unmix")) == ALWAYS - {"unexplained"} | {"seconds"}
    assert not b.region.any()


def test_a_missing_image_is_found_out_before_any_work(folder, tmp_path):
    write_image(tmp_path / "a.png", read_image(folder / "a-near.png"))
    nowhere = FuseParameters(fsb_weights="nowhere.safetensors")
    with pytest.raises(InputError, match=r"b\.png of case b"):
        next(evaluate(find_cases(folder), nowhere, {"other": tmp_path}))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda image: image[:90], r"uint8 \(90, 96, 3\)"),
        (lambda image: image[..., 0], r"uint8 \(96, 96\)"),
        (lambda image: image.astype(np.uint16) * 257, "uint16"),
    ],
    ids=["size", "grey", "depth"],
)
def test_an_image_of_another_size_or_type_is_refused(folder, parameters, tmp_path, change, named):
    image = np.ascontiguousarray(change(read_image(folder / "a-near.png")))
    write_image(tmp_path / "a.png", image)
    with pytest.raises(InputError, match=named) as refused:
        next(evaluate(find_cases(folder)[:1], replace(parameters, psf=3.0), {"it": tmp_path}))
    assert str(tmp_path / "a.png") in str(refused.value)


def test_a_jpeg_of_another_program_is_scored(folder, parameters, tmp_path):
    truth = np.ascontiguousarray(read_image(folder / "a-truth.png"))
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(truth, level=100, subsampling="444"))
    chosen = replace(parameters, psf=3.0)
    (each,) = evaluate(find_cases(folder)[:1], chosen, {"it": tmp_path})
    assert row(each, "it")["psnr"] > 25
    assert row(each, "it")["unexplained"] < row(each, "none")["unexplained"]
