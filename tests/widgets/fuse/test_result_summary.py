"""The figures below *Fuse*."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.widgets.fuse.result_summary import figures_text


class Stack(list):
    """Planes, nearest first."""

    intensity = SimpleNamespace(coding="linear")

    @property
    def sources(self):
        return list(self)


@pytest.fixture
def session():
    """What the figures are taken from, of a stack of three planes."""
    stack = Stack(np.full((2, 2), number) for number in range(3))
    canvas = SimpleNamespace(
        psf=Psf(1.234, residual=0.0321, shape="gaussian"),
        region=np.array([[True, False], [False, False]]),
        initial=stack[0],
        selection=SimpleNamespace(blended=np.zeros((2, 2), bool)),
        stack=stack,
        pipeline=SimpleNamespace(
            plain="",
            parameters=SimpleNamespace(elimination="unmix"),
            registration=None,
            defects=None,
            light=None,
            not_shown=[],
        ),
    )
    return SimpleNamespace(
        canvas=canvas,
        state=SimpleNamespace(painted_since=False),
        near="first",
        end="last",
        border_share=0.0,
        filled_share=0.0,
        diagnosis=None,
    )


def test_blur_residual_and_computed_share_are_said(session):
    assert figures_text(session, 2.04).splitlines() == [
        "blur 1.23 px per plane (Gaussian)",
        "3.21% of the light at edges unexplained",
        "25.0% of the pixels computed",
        "pixel values: linear (camera data)",
        "fused in 2.0 s",
    ]


def test_a_residual_of_other_labels_is_not_said(session):
    session.state.painted_since = True
    text = figures_text(session, 1)
    assert "painted since the blur was measured" in text
    assert "unexplained" not in text


def test_without_elimination_the_reason_is_said(session):
    session.canvas.psf = None
    session.canvas.pipeline.plain = "transmitted light"
    assert figures_text(session, 1).splitlines()[0] == "no halo removed: transmitted light"
    session.canvas.pipeline.parameters.elimination = "none"
    assert figures_text(session, 1).splitlines()[0] == "no halo removed: as chosen"


def test_all_that_restricts_the_result_is_said(session):
    session.near = "auto"
    session.canvas.pipeline.registration = SimpleNamespace(is_identity=False, reason="it moved")
    session.canvas.pipeline.defects = SimpleNamespace(reason="3 hot pixels")
    session.canvas.pipeline.light = SimpleNamespace(reason="light equalised")
    session.canvas.pipeline.not_shown = ["Plane 2 does not show its rim."]
    session.canvas.selection.blended[0] = True
    session.border_share, session.filled_share = 0.125, 0.5
    *_, end, moved, hot, light, blended, border, filled, rim = figures_text(session, 1).splitlines()
    assert (end, moved) == ("the last plane is nearest", "it moved")
    assert (hot, light) == ("3 hot pixels", "light equalised")
    assert blended == "planes blended in 50% of the pixels"
    assert border.startswith("12.5% of the pixels, marked as border")
    assert filled.startswith("the depth of 50.0% of the pixels")
    assert rim == "Plane 2 does not show its rim."


def test_what_the_verdict_says_of_planes_is_not_said_again_in_words_of_the_command(session):
    session.diagnosis = SimpleNamespace(messages=lambda: ["Planes 2:8; planes='2:8' does it."])
    assert "planes=" not in figures_text(session, 1)


def test_before_a_fusion_there_are_no_figures(session):
    session.canvas = None
    with pytest.raises(InputError, match="nothing is fused yet"):
        figures_text(session, 1)
