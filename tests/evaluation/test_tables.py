"""Means, tables and comma-separated values of score rows."""

import csv

from napari_focusstack.evaluation.tables import as_csv, mean_rows, table


def test_a_mean_is_over_the_cases_that_have_the_figure_image_by_image():
    rows = [
        {"case": "a", "image": "none", "psnr": 30.0, "ssim": 0.9},
        {"case": "a", "image": "unmix", "psnr": 36.0, "seconds": 2.0},
        {"case": "b", "image": "none", "psnr": 40.0},
        {"case": "b", "image": "unmix", "psnr": 44.0, "seconds": 4.0},
    ]
    assert mean_rows(rows) == [
        {"case": "mean", "image": "none", "psnr": 35.0, "ssim": 0.9},
        {"case": "mean", "image": "unmix", "psnr": 40.0, "seconds": 3.0},
    ]
    assert mean_rows([]) == []


def test_the_table_has_a_line_per_row_and_a_dash_for_what_is_not_known():
    lines = table(
        [{"case": "a", "image": "none", "psnr": 30.0}, {"case": "b", "image": "mine", "ssim": 0.5}]
    ).splitlines()
    assert lines[0].split() == ["case", "image", "psnr", "ssim"]
    assert lines[1].split() == ["a", "none", "30.000", "-"]
    assert lines[2].split() == ["b", "mine", "-", "0.500"]
    assert len({len(line) for line in lines}) == 1


def test_rows_become_comma_separated_values_that_read_back():
    rows = [
        {"case": "a, b", "image": "none", "psnr": 30.123456789012345},
        {"case": "c", "image": "mine", "ssim": 0.5},
    ]
    text = as_csv(rows)
    assert text.splitlines()[0] == "case,image,psnr,ssim"
    first, second = csv.DictReader(text.splitlines())
    assert first["case"] == "a, b"
    assert float(first["psnr"]) == 30.123456789012345
    assert first["ssim"] == second["psnr"] == ""
    assert float(second["ssim"]) == 0.5
    assert text.count("\n") == 3
    assert "\r" not in text
