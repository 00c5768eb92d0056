"""How far a task of several steps is as a whole, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_focusstack.runtime.progress import Progress


#: Steps of a fusion in their order: what the user reads, and the share of the time that each takes.
#: Measured on a pair and on stacks of 8 and 14 planes; a task that ran before is known better.
STEPS = {
    "read planes": ("reading the planes", 0.02),
    "find hot pixels": ("looking for hot pixels", 0.02),
    "matching planes": ("registering the planes", 0.12),
    "move planes": ("moving the planes", 0.05),
    "compare light": ("comparing the light", 0.03),
    "segment": ("finding the foreground", 0.12),
    "find focus": ("finding what is in focus", 0.12),
    "draw edges": ("drawing edges", 0.08),
    "estimate PSF": ("measuring the blur", 0.07),
    "compare smaller planes": ("looking from afar", 0.02),
    "read surroundings": ("looking at the whole picture", 0.11),
    "compare planes": ("comparing the planes", 0.11),
    "choose sources": ("choosing the sharpest plane", 0.06),
    "fuse": ("removing the halo", 0.10),
    "check the planes": ("checking the planes", 0.08),
}
#: Seconds after which the time left is shown, and the share of the task that must be done by then:
#: before, it is a guess. Convention.
SHOWN_AFTER_S, SHOWN_AFTER = 2.0, 0.03

#: Durations of the steps of tasks that ran in this session, by kind of task.
_measured: dict[str, dict[str, float]] = {}


@dataclass
class OverallProgress:
    """Progress of one task.

    Parameters
    ----------
    kind : str
        Tasks of one kind have steps of similar durations; "" is learnt from no other.
    began : float
        Time of the start, s.
    """

    kind: str
    began: float
    fraction: float = 0.0
    _durations: dict[str, float] = field(default_factory=dict)
    _last: tuple[str, float] | None = None

    def follow(self, step: Progress, now: float) -> float:
        """Return the share of the task that is done, 0..1, after progress of a step."""
        if self._last is not None:
            name, at = self._last
            self._durations[name] = self._durations.get(name, 0.0) + now - at
        self._last = step.step, now
        shares = _measured.get(self.kind) or {name: share for name, (_, share) in STEPS.items()}
        part = step.done / max(step.total, 1)
        if step.step in shares:
            names = list(shares)
            before = sum(shares[name] for name in names[: names.index(step.step)])
            part = (before + part * shares[step.step]) / max(sum(shares.values()), 1e-9)
        elif step.step in STEPS:  # a step that was skipped before
            part = 0.0
        done = (step.item - 1 + part) / step.items
        self.fraction = max(self.fraction, min(done, 1.0))
        return self.fraction

    def seconds_left(self, now: float) -> float | None:
        """Return how long the task will still take, s; None where that is not known yet."""
        elapsed = now - self.began
        if elapsed < SHOWN_AFTER_S or self.fraction < SHOWN_AFTER:
            return None
        return elapsed * (1 - self.fraction) / self.fraction

    def finish(self, now: float) -> None:
        """Learn from a task that has ended well."""
        if self.kind and self._last is not None:
            name, at = self._last
            self._durations[name] = self._durations.get(name, 0.0) + now - at
            order = [*(name for name in STEPS if name in self._durations)]
            _measured[self.kind] = {name: self._durations[name] for name in order}


def words(step: Progress) -> str:
    """Return a step as the user reads it."""
    text, _ = STEPS.get(step.step, (step.step, 0.0))
    return text if step.items == 1 else f"{step.item} of {step.items}: {text}"


def duration(seconds: float) -> str:
    """Return a duration in words.

    Examples
    --------
    >>> duration(42), duration(500), duration(8000)
    ('42 s', '8 min', '2 h 13 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
