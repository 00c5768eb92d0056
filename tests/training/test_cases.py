"""Simulated cases on disk satisfy the imaging model and can be made again."""

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_focusstack.io.reader import read_image, read_labels
from napari_focusstack.training.cases import PAIR_SCENES, bundled_material, write_cases

PURE = replace(PAIR_SCENES, sigma_px=(2.0, 3.0), defects=0.0)


@pytest.fixture(scope="module")
def material():
    return bundled_material()


def write(folder, material, seed):
    folder.mkdir()
    assert list(write_cases(folder, 2, 64, material, seed, PURE)) == [1, 2]
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_bundled_pictures_are_photos_alone(material):
    assert material.photos.shape[0] == 6
    assert material.photos.float().std() > 30
    assert len(material.shapes) == len(material.cutouts) == 0


def test_a_seed_writes_the_same_cases_again_and_another_does_not(tmp_path, material):
    first = write(tmp_path / "a", material, 3)
    assert len(first) == 10
    assert write(tmp_path / "b", material, 3) == first
    assert write(tmp_path / "c", material, 4)["0001-near.png"] != first["0001-near.png"]


def test_planes_show_the_truth_where_they_are_in_focus(tmp_path, material):
    write(tmp_path / "a", material, 3)
    for case in ("0001", "0002"):
        near, far, truth = (
            read_image(tmp_path / "a" / f"{case}-{kind}.png").astype(int)
            for kind in ("near", "far", "truth")
        )
        mask = read_labels(tmp_path / "a" / f"{case}-mask.png")
        inside = mask == 255
        assert np.abs(near - truth)[inside].max(initial=0) <= 1
        assert np.abs(far - truth).max() > 10
        meta = json.loads((tmp_path / "a" / f"{case}-meta.json").read_text())
        assert 2 <= meta["sigma_px"] <= 3
        assert meta["seed"] == 3
