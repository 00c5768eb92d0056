"""The shipped weights reach what their model card promises on a small simulated set."""

import re
from pathlib import Path

import pytest

from napari_focusstack.evaluation.cases import find_cases
from napari_focusstack.evaluation.score import evaluate
from napari_focusstack.evaluation.tables import mean_rows
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.simulation.cases import PAIR_SCENES, bundled_material, write_cases

CARD = Path(__file__).resolve().parents[1] / "weights" / "MODEL_CARD.md"
#: What another processor's arithmetic may cost: dB, dB, share, share.
SLACK = {"psnr": 0.5, "tr": 0.5, "mean_iou": 0.02, "sigma_error": -0.03}


def promised(psf):
    """The row of the model card's self-check for a way to find the blur."""
    head, row = (
        re.search(rf"^\| {re.escape(first)} \|(.+)\|$", CARD.read_text(), re.MULTILINE)
        for first in ("self-check", psf)
    )
    names, figures = ([cell.strip() for cell in found[1].split("|")] for found in (head, row))
    return dict(zip(names, map(float, figures), strict=True))


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    list(write_cases(folder, 6, 192, bundled_material(), 1, PAIR_SCENES))
    return find_cases(folder)


@pytest.mark.slow
@pytest.mark.parametrize("psf", ["keb+reblur", "keb"])
def test_shipped_weights_reach_their_model_card(cases, psf):
    parameters = FuseParameters(crf=False, psf=psf, device="cpu")
    rows = [row for scores in evaluate(cases, parameters) for row in scores.rows]
    reached = next(row for row in mean_rows(rows) if row["image"] == "unmix")
    for name, figure in promised(psf).items():
        if SLACK[name] > 0:
            assert reached[name] >= figure - SLACK[name], name
        else:  # an error: the less the better
            assert reached[name] <= figure - SLACK[name], name
