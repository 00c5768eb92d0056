"""One bar for a task of many steps, and the time that it still takes."""

import numpy as np
import pytest

from napari_focusstack.fusion.fuse import fuse_steps
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.widgets.controls import overall_progress
from napari_focusstack.widgets.controls.overall_progress import (
    STEPS,
    OverallProgress,
    duration,
    words,
)

RUN = [("find focus", 4.0), ("estimate PSF", 2.0), ("choose sources", 6.0), ("fuse", 8.0)]


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(overall_progress, "_measured", {})


def run(kind="stack", items=1):
    """Go through a task whose steps take known times; return (time, fraction, time left)."""
    now, seen = 0.0, []
    overall = OverallProgress(kind, now)
    for item in range(1, items + 1):
        for name, seconds in RUN:
            for part in range(11):
                told = overall.follow(Progress(name, part, 10, item, items), now)
                seen.append((now, told, overall.seconds_left(now)))
                now += seconds / 10 * (part < 10)
    overall.finish(now)
    return seen, now


def test_the_bar_never_goes_back_and_begins_at_the_start_and_ends_near_the_end():
    seen, _ = run()
    fractions = [fraction for _, fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.35
    assert 0.9 < fractions[-1] <= 1


def test_the_second_run_of_a_kind_knows_the_time_left():
    run()
    seen, end = run()
    for now, fraction, left in seen:
        assert fraction == pytest.approx(now / end, abs=0.01)
        if left is not None:
            assert left == pytest.approx(end - now, abs=0.3)
    assert seen[0][2] is None
    assert seen[15][2] is not None


def test_of_several_items_each_takes_its_share():
    run()
    seen, end = run("other", items=3)
    assert all(abs(fraction - now / end) < 0.2 for now, fraction, _ in seen)


@pytest.mark.parametrize("planes", [2, 3])
def test_each_step_of_a_fusion_is_known_by_a_name(make_focal_stack, planes):
    stack = np.stack(make_focal_stack(3, 1.0, side=64).planes())[:planes]
    seen = {step.step for step in fuse_steps(stack, None, FuseParameters(register="on"))}
    assert len(seen) > 8
    assert seen <= STEPS.keys()


def test_steps_that_are_not_known_count_by_themselves():
    overall = OverallProgress("", 0.0)
    assert overall.follow(Progress("save", 1, 4), 1.0) == 0.25
    assert overall.follow(Progress("save", 3, 4), 3.0) == 0.75
    assert overall.seconds_left(3.0) == pytest.approx(1.0)


def test_steps_and_durations_are_told_in_words():
    assert words(Progress("estimate PSF", 0, 1)) == "measuring the blur"
    assert words(Progress("fuse", 0, 1, 2, 3)) == "2 of 3: removing the halo"
    assert [duration(s) for s in (0.4, 42, 500, 8000)] == ["0 s", "42 s", "8 min", "2 h 13 min"]
