"""The progress of a long step. A GUI imports this module, so it imports no heavy package."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """How far a long step has come.

    Parameters
    ----------
    step : str
        Name of the step, as the user reads it.
    done, total : int
        Parts of the step that are done, and all parts.
    item, items : int
        Number of the time point, file or other item that is worked on, from 1, and of all.
    seconds_left : float, optional
        Time to the end of the whole task, s, where the step knows it.
    """

    step: str
    done: int
    total: int
    item: int = 1
    items: int = 1
    seconds_left: float | None = None


def relabel(
    steps: Generator[Progress, None, Result], change: Callable[[Progress], Progress]
) -> Generator[Progress, None, Result]:
    """Run steps as a part of a longer step, with their progress changed by a function.

    Parameters
    ----------
    steps : generator of Progress
        A long step.
    change : callable
        Takes a Progress of the steps and returns the one that is yielded instead.

    Yields
    ------
    Progress

    Returns
    -------
    object
        What the steps return.

    Examples
    --------
    >>> def steps():
    ...     yield Progress("find focus", 1, 2)
    >>> list(relabel(steps(), lambda step: Progress("look twice", step.done, 2 * step.total)))
    [Progress(step='look twice', done=1, total=4, item=1, items=1, seconds_left=None)]
    """
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                result: Result = end.value
                return result
            yield change(step)


def run(
    steps: Generator[Progress, None, Any], progress: Callable[[Progress], None] | None = None
) -> Any:
    """Run steps to their end, pass each progress to a function, and return their result."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if progress is not None:
            progress(step)
