"""Progress bars: one for each step, that follows how much of it is done."""

import pytest

from napari_focusstack.commands import progress_bars
from napari_focusstack.commands.progress_bars import Bars
from napari_focusstack.runtime.progress import Progress


@pytest.fixture
def shown(monkeypatch):
    """Every bar that was made: its step, its total, where it stood, and whether it is gone."""
    bars = []

    class Bar:
        def __init__(self, desc, total, **options):
            self.step, self.total, self.n, self.closed = desc, total, 0, False
            assert options["disable"] is None  # none where standard error is no terminal
            bars.append(self)

        def update(self, more):
            self.n += more

        def close(self):
            self.closed = True

    monkeypatch.setattr("tqdm.tqdm", Bar)
    return bars


def test_each_step_has_a_bar_that_goes_with_it(shown):
    with Bars() as bars:
        for step, done, total in (("read", 0, 2), ("read", 2, 2), ("fuse", 1, 5), ("fuse", 4, 5)):
            bars(Progress(step, done, total))
        assert [(bar.step, bar.n, bar.total, bar.closed) for bar in shown] == [
            ("read", 2, 2, True),
            ("fuse", 4, 5, False),
        ]
    assert shown[1].closed


def test_without_work_there_is_no_bar(shown):
    with Bars():
        pass
    assert shown == []


def test_a_bar_waits_for_about_a_second():
    assert 0.5 <= progress_bars.DELAY_S <= 2
