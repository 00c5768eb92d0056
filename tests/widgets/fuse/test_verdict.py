"""The verdict on a fusion, and what is offered for each finding."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_focusstack.diagnostics.diagnosis import Diagnosis
from napari_focusstack.fusion.pipeline import DOUBTFUL
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.widgets.fuse.verdict import findings_of, verdict_of, verdict_without

PLANES = 6


def diagnosis(**findings):
    return Diagnosis(np.ones(PLANES), np.ones(PLANES), np.ones(PLANES - 1), **findings)


@pytest.fixture
def canvas():
    """A stack of six planes whose halos were removed in a quarter of the pixels."""
    return SimpleNamespace(
        psf=Psf(2.0, residual=0.01, residual_without_occlusion=0.05),
        region=np.array([[True, False], [False, False]]),
        stack=SimpleNamespace(chosen=[True] * PLANES),
        pipeline=SimpleNamespace(
            plain="",
            light=None,
            seems_reversed=False,
            is_turned=False,
            parameters=SimpleNamespace(elimination="unmix"),
        ),
    )


@pytest.fixture
def session():
    return SimpleNamespace(
        diagnosis=diagnosis(),
        end="first",
        border_share=0.0,
        filled_share=0.0,
        state=SimpleNamespace(painted_since=False),
    )


def test_a_result_that_nothing_speaks_against_is_good(session, canvas):
    verdict = verdict_of(session, canvas)
    assert verdict.is_good
    assert verdict.text == "Good: halos were removed in 25.0% of the pixels."
    assert verdict.findings == ()


def test_where_nothing_is_to_be_removed_the_reason_is_said(session, canvas):
    canvas.psf = None
    assert "nothing stands before anything else" in verdict_of(session, canvas).text
    canvas.pipeline.parameters.elimination = "none"
    assert verdict_of(session, canvas).text.endswith("as you chose.")
    assert verdict_of(session, canvas).is_good


def test_halos_that_no_blur_explains_are_doubtful_and_it_is_said_what_to_do(session, canvas):
    canvas.psf, canvas.pipeline.plain = None, DOUBTFUL
    verdict = verdict_of(session, canvas)
    assert not verdict.is_good
    assert verdict.text.startswith("Doubtful: no blur explains the halos")
    assert "set the blur yourself" in verdict.text


def test_a_blur_that_explains_little_is_doubtful_until_something_is_painted(session, canvas):
    canvas.psf = Psf(2.0, residual=0.035, residual_without_occlusion=0.05)
    assert verdict_of(session, canvas).text.startswith("Doubtful: the blur explains little")
    session.state.painted_since = True  # it was measured with other labels
    assert verdict_of(session, canvas).is_good


def test_what_a_button_mends_is_said_before_the_blur(session, canvas):
    canvas.psf, canvas.pipeline.plain = None, DOUBTFUL
    session.diagnosis = diagnosis(duplicates=((1, 2),))
    assert verdict_of(session, canvas).text == "Doubtful: planes 1, 2 show the same."
    session.diagnosis = diagnosis(gaps=((1, 2),))  # nothing in the dock mends that
    assert verdict_of(session, canvas).text.startswith("Doubtful: no blur explains")


def test_planes_are_not_left_out_where_fewer_than_two_would_remain(session, canvas):
    canvas.stack.chosen = [True] * 3 + [False] * 3
    session.diagnosis = diagnosis(duplicates=((1, 2), (1, 3)))
    (finding,) = verdict_of(session, canvas).findings
    assert (finding.text, finding.action) == ("Planes 2, 3 show what others show", "")


def test_planes_of_another_scene_are_left_out_unless_too_few_would_remain():
    (finding,) = verdict_without((2, 3), 5).findings
    assert (finding.remedy, finding.planes) == ("Leave out planes 2, 3", (2, 3))
    (finding,) = verdict_without((2,), 2).findings
    assert finding.action == ""


def test_planes_are_named_as_the_slider_counts_them_where_the_last_is_nearest(session, canvas):
    session.end = "last"
    session.diagnosis = diagnosis(duplicates=((2, 3),), blank=(1,))
    copies, blank = verdict_of(session, canvas).findings
    assert copies.text == "Planes 4, 5 show the same"
    assert (copies.remedy, copies.planes) == ("Leave out plane 4", (4,))
    assert blank.text.startswith("Plane 6 shows nothing")


def test_a_single_copy_is_named_with_its_original():
    (finding,) = findings_of(diagnosis(duplicates=((6, 7),)), light_as_given=True)
    assert finding.text == "Planes 6, 7 show the same"
    assert finding.remedy == "Leave out plane 7"


def test_reversed_planes_come_first_and_can_be_swapped(session, canvas):
    canvas.psf, canvas.pipeline.plain, canvas.pipeline.seems_reversed = None, DOUBTFUL, True
    session.diagnosis = diagnosis(duplicates=((1, 2),))
    verdict = verdict_of(session, canvas)
    assert "other end of the stack seems to be the nearest" in verdict.text
    assert [finding.action for finding in verdict.findings] == ["swap_ends", "leave_out"]


def test_a_stack_that_was_turned_is_no_doubt_and_can_be_turned_back(session, canvas):
    canvas.pipeline.is_turned = True
    verdict = verdict_of(session, canvas)
    assert verdict.is_good
    assert [(each.action, each.is_doubt) for each in verdict.findings] == [("swap_ends", False)]


def test_a_doubt_about_planes_makes_the_result_doubtful_and_others_are_counted(session, canvas):
    session.diagnosis = diagnosis(unrelated=(5,), duplicates=((2, 3), (2, 4)), blank=(6,))
    verdict = verdict_of(session, canvas)
    assert verdict.text == "Doubtful: plane 5 shows something else, and 1 more below."
    assert [(each.remedy, each.planes) for each in verdict.findings] == [
        ("Leave out plane 5", (5,)),
        ("Leave out planes 3, 4", (3, 4)),
        ("", ()),
    ]


def test_planes_that_are_sharp_nowhere_are_no_doubt_and_only_ends_are_offered():
    shares = np.array([0.0, 0.0, 0.5, 0.0, 0.5, 0.0])
    (finding,) = findings_of(diagnosis(shares=shares), light_as_given=True)
    assert finding.text == "Planes 1, 2, 6 are sharp nowhere"
    assert finding.planes == (1, 2, 6)
    assert not finding.is_doubt


def test_light_that_was_equalised_is_no_finding():
    changing = diagnosis(flicker={2: 1.4})
    (finding,) = findings_of(changing, light_as_given=True)
    assert (finding.text, finding.remedy) == ("The light changes at plane 2", "Equalise light")
    assert [*findings_of(changing, light_as_given=False)] == []


def test_planes_out_of_order_are_sorted_and_missing_ones_have_no_button():
    odd = diagnosis(order=(1, 3, 2, 4, 5, 6), misplaced=(3,), gaps=((4, 5),))
    first, second = findings_of(odd, light_as_given=True)
    assert first.text.startswith("Plane 3 is out of order")
    assert first.action == "sort"
    assert second.text.startswith("Planes seem to be missing between 4 and 5")
    assert second.action == ""


def test_wide_margins_are_a_doubt_and_guessed_depth_is_said(session, canvas):
    session.border_share, session.filled_share = 0.08, 0.5
    border, filled = verdict_of(session, canvas).findings
    assert border.text.startswith("8% of the pixels, at the margin")
    assert filled.text.startswith("Nothing sharp in 50%")
    assert (border.is_doubt, filled.is_doubt) == (True, False)
