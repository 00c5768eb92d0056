"""Cases are found in a folder by the names of their files."""

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.cases import Case, find_cases, find_image


def test_cases_are_what_their_names_say(folder):
    a, b, c = find_cases(folder)
    assert (a.name, b.name, c.name) == ("a", "b", "c")
    assert set(a.files) == {"near", "far", "truth", "mask", "meta"}
    assert a.sigma_px() == 3.0
    assert (a.alpha().min(), a.alpha().max()) == (0, 1)
    assert b.alpha() is None
    assert b.sigma_px() is None


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".png", ".jpg"])
def test_an_image_of_another_program_is_found_by_the_name_of_its_case(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.touch()
    (tmp_path / "ab.png").touch()
    assert find_image(tmp_path, Case("a", {})) == path


def test_a_case_without_an_image_of_another_program_is_named(tmp_path):
    (tmp_path / "ab.png").touch()
    with pytest.raises(InputError, match=r"has no image a\.png of case a;"):
        find_image(tmp_path, Case("a", {}))


def test_a_folder_without_cases_is_refused(tmp_path):
    with pytest.raises(InputError, match="NAME-near"):
        find_cases(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        find_cases(tmp_path / "missing")


def test_a_case_without_its_far_plane_is_named(tmp_path):
    (tmp_path / "lone-near.png").touch()
    with pytest.raises(InputError, match=r"case lone .* has no far plane"):
        find_cases(tmp_path)
