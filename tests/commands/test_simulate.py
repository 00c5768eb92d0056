"""The command `simulate`."""

import json

import numpy as np
import pytest

from napari_focusstack.io.reading.image import read_image


def test_pairs_are_written_with_their_truth(run, tmp_path):
    done = run("simulate", "-o", tmp_path / "cases", "--count", 2, "--side", 64, "--sigma", 2, 3)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'cases'}: 2 pairs\n"
    names = sorted(path.name for path in (tmp_path / "cases").iterdir())
    kinds = ("far.png", "mask.png", "meta.json", "near.png", "truth.png")
    assert names == [f"{number}-{kind}" for number in ("0001", "0002") for kind in kinds]
    for number in ("0001", "0002"):
        meta = json.loads((tmp_path / "cases" / f"{number}-meta.json").read_text())
        assert 2 <= meta["sigma_px"] <= 3
        assert read_image(tmp_path / "cases" / f"{number}-far.png").shape == (64, 64, 3)


def test_a_seed_makes_the_same_pairs_and_another_seed_others(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        words = ["--count", 1, "--side", 64, "--seed", seed]
        assert run("simulate", "-o", tmp_path / name, *words).returncode == 0
    a, b, c = (read_image(tmp_path / name / "0001-near.png") for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--count", 0), "count is 0"),
        (("--side", 100), "side 100"),
        (("--side", 56), "side 56"),
        (("--sigma", 3, 2), "from 3.0 to 2.0"),
        (("--sigma", 0, 2), "from 0.0 to 2.0"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_any_work(run, tmp_path, words, named):
    done = run("simulate", "-o", tmp_path / "cases", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert not (tmp_path / "cases").exists()
