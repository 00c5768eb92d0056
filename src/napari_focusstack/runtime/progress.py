"""The progress of a long step; light enough for a GUI to import."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Found = TypeVar("Found")


@dataclass(frozen=True)
class Progress:
    """How far a long step is.

    Parameters
    ----------
    step : str
        What is being done, in words for the user.
    done, total : int
        Parts of it.
    """

    step: str
    done: int
    total: int


def relabel(
    steps: Generator[Progress, None, Found], tell: Callable[[Progress], Progress]
) -> Generator[Progress, None, Found]:
    """Run steps as a part of something longer: what each says is told in other words.

    Examples
    --------
    >>> def steps():
    ...     yield Progress("find focus", 1, 2)
    >>> list(relabel(steps(), lambda step: Progress("look twice", step.done, 2 * step.total)))
    [Progress(step='look twice', done=1, total=4)]
    """
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                found: Found = end.value
                return found
            yield tell(step)


def run(
    steps: Generator[Progress, None, Any], progress: Callable[[Progress], None] | None = None
) -> Any:
    """Run a generator of steps to its end and return its result; report the progress of each."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if progress is not None:
            progress(step)
