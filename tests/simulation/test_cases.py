"""Simulated cases on disk satisfy the imaging model and can be made again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.io.reading.image import read_image, read_labels
from napari_focusstack.simulation import cases
from napari_focusstack.simulation.cases import (
    GREY_EVERY,
    PAIR_SCENES,
    READ_NOISE,
    SHOT_NOISE,
    write_cases,
)

PURE = replace(PAIR_SCENES, sigma_px=(2.0, 3.0), defects=0.0)
#: One of every kind, and the first of the next round.
COUNT = GREY_EVERY + 1
KINDS = ("far", "mask", "near", "truth")


@pytest.fixture(scope="module")
def material(bundled_pictures):
    return bundled_pictures


def write(folder, material, seed, side=96):
    """Write COUNT cases; return the folder."""
    folder.mkdir()
    written = list(write_cases(folder, COUNT, side, material, seed, PURE))
    assert written == list(range(1, COUNT + 1))
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, material):
    return write(tmp_path_factory.mktemp("cases") / "a", material, 3)


def images(folder, number):
    """Far plane, near plane and truth as floats, and the mask, of a case."""
    far, near, truth = (
        read_image(folder / f"{number:04}-{kind}.png").astype(float)
        for kind in ("far", "near", "truth")
    )
    return far, near, truth, read_labels(folder / f"{number:04}-mask.png")


def test_the_bundled_pictures_are_photos_alone(material):
    assert material.photos.shape[0] == 6
    assert material.photos.float().std() > 30
    assert len(material.shapes) == len(material.cutouts) == 0


def test_a_seed_writes_the_same_cases_again_and_another_does_not(tmp_path, material):
    first, again, other = (
        contents(write(tmp_path / name, material, seed, side=64))
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert len(first) == 5 * COUNT
    assert again == first
    assert all(other[f"0001-{kind}.png"] != first[f"0001-{kind}.png"] for kind in KINDS)


def test_every_fourth_case_is_16_bit_grey_and_the_others_8_bit_rgb(folder):
    assert GREY_EVERY == 4
    for number in range(1, COUNT + 1):
        expected = ((96, 96), "uint16") if number == 4 else ((96, 96, 3), "uint8")
        for kind in ("near", "far", "truth"):
            image = read_image(folder / f"{number:04}-{kind}.png")
            assert (image.shape, image.dtype) == expected
        mask = read_labels(folder / f"{number:04}-mask.png")
        assert (mask.shape, mask.dtype) == ((96, 96), "uint8")


def test_the_blur_of_each_case_is_written(folder):
    for number in range(1, COUNT + 1):
        meta = json.loads((folder / f"{number:04}-meta.json").read_text())
        assert 2 <= meta["sigma_px"] <= 3
        assert meta["seed"] == 3


def test_the_near_plane_shows_the_truth_where_the_foreground_is(folder):
    for number in (1, 2, 3, 5):
        _, near, truth, mask = images(folder, number)
        inside = mask == 255
        assert inside.sum() > 100
        assert np.abs(near - truth)[inside].max() <= 1


def test_the_far_plane_shows_the_truth_where_the_halo_does_not_reach(folder):
    clear_pixels = 0
    for number in (1, 2, 3, 5):
        far, _, truth, mask = images(folder, number)
        clear = ndimage.distance_transform_edt(mask == 0) > 13  # 4 sigma, and a pixel
        clear[:13] = clear[-13:] = clear[:, :13] = clear[:, -13:] = False
        clear_pixels += clear.sum()
        assert np.abs(far - truth)[clear].max(initial=0) <= 1
        assert np.abs(far - truth).max() > 10
    assert clear_pixels > 500


def test_the_planes_of_a_grey_case_have_noise_and_its_truth_has_none(
    folder, tmp_path, material, monkeypatch
):
    monkeypatch.setattr(cases, "READ_NOISE", 0.0)
    monkeypatch.setattr(cases, "SHOT_NOISE", 0.0)
    clean = write(tmp_path / "clean", material, 3)
    far, near, truth, mask = images(folder, 4)
    clean_far, clean_near, clean_truth, _ = images(clean, 4)
    np.testing.assert_array_equal(truth, clean_truth)
    assert np.abs(clean_near - clean_truth)[mask == 255].max() < 65535 / 255
    for noisy, pure in ((near, clean_near), (far, clean_far)):
        light = pure / 65535
        inside = (light > 0.05) & (light < 0.95)  # where nothing is clipped
        expected = np.sqrt(READ_NOISE**2 + SHOT_NOISE**2 * light)
        relative = ((noisy - pure) / 65535 / expected)[inside]
        assert inside.sum() > 1000
        assert relative.std() == pytest.approx(1, abs=0.1)
        assert relative.mean() == pytest.approx(0, abs=0.1)
    noise = [(near - clean_near).ravel(), (far - clean_far).ravel()]
    assert np.corrcoef(noise)[0, 1] == pytest.approx(0, abs=0.05)


def test_a_grey_case_holds_linear_light(folder, tmp_path, material, monkeypatch):
    # The same scene in colour, decoded and weighted as the eye does, is the grey one.
    monkeypatch.setattr(cases, "GREY_EVERY", 100)
    colour = write(tmp_path / "colour", material, 3) / "0004-truth.png"
    coded = read_image(colour) / 255
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    grey = read_image(folder / "0004-truth.png") / 65535
    np.testing.assert_allclose(light @ [0.2126, 0.7152, 0.0722], grey, atol=0.006)
