"""Progress of a step can be relabelled by a longer one that contains it."""

from napari_focusstack.runtime.progress import Progress, relabel, run


def search(ended):
    try:
        for number in (1, 2):
            yield Progress("find focus", number, 2)
    finally:
        ended.append(True)
    return "found"


def test_steps_are_relabelled_and_their_result_is_returned():
    told, ended = [], []
    steps = relabel(search(ended), lambda step: Progress("look", step.done, 4))
    assert run(steps, told.append) == "found"
    assert told == [Progress("look", 1, 4), Progress("look", 2, 4)]


def test_closing_closes_the_steps_too():
    ended = []
    steps = relabel(search(ended), lambda step: step)
    next(steps)
    assert not ended
    steps.close()
    assert ended
