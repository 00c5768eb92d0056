"""The findings on a focal stack, and messages for them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Share of the pixels below which a plane can be left out.
MIN_SHARE = 0.001
#: Most planes that a message names; more are counted.
MAX_NAMED = 6


@dataclass(frozen=True)
class Diagnosis:
    """The findings on a focal stack; planes are counted from 1 in the order given.

    Parameters
    ----------
    sharpness : ndarray, (P,)
        Focus measure of each plane, for a plot over z: see
        `napari_focusstack.diagnostics.similarity.PlaneSummary.sharpness`.
    brightness : ndarray, (P,)
        Mean luminance of each plane, pixel values.
    steps : ndarray, (P - 1,)
        Difference of each plane from the next, in units of the median step; NaN beside a plane that
        is blank or unrelated.
    blank : tuple of int
        Planes that show nothing, or only noise.
    unrelated : tuple of int
        Planes that resemble no other; ``foreign`` in :meth:`to_dict`.
    blurred : tuple of int
        Planes that are blurred as a whole where their neighbours are sharp.
    duplicates : tuple of (int, int)
        Pairs that show the same image apart from noise; ``twins`` in :meth:`to_dict`.
    order : tuple of int
        A better order of the planes that are neither blank nor unrelated; empty if the given one is
        right.
    misplaced : tuple of int
        The fewest planes that have to move to reach that order.
    gaps : tuple of (int, int)
        Neighbours between which a plane seems to be missing; empty if there is a better order.
    flicker : dict of int to float
        Brightness over that of the neighbours, for the planes where it jumps.
    shares : ndarray, (P,), or None
        Share of each plane in the pixels of the fused image, if labels are known.
    """

    sharpness: np.ndarray
    brightness: np.ndarray
    steps: np.ndarray
    blank: tuple[int, ...] = ()
    unrelated: tuple[int, ...] = ()
    blurred: tuple[int, ...] = ()
    duplicates: tuple[tuple[int, int], ...] = ()
    order: tuple[int, ...] = ()
    misplaced: tuple[int, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()
    flicker: dict[int, float] = field(default_factory=dict)
    shares: np.ndarray | None = None

    @property
    def best_plane(self) -> float | None:
        """Where the stack is sharpest, in planes from 1, between planes too; None if all are blank.

        This is the vertex of the parabola through the logarithms of the greatest sharpness and
        those beside it. At an end of the stack it is that plane.
        """
        if not np.nanmax(self.sharpness, initial=0) > 0:
            return None
        best = int(np.nanargmax(self.sharpness))
        around = self.sharpness[max(0, best - 1) : best + 2]
        if len(around) < 3 or not (around > 0).all():
            return float(best + 1)
        before, at, after = np.log(around)
        curvature = before - 2 * at + after
        return float(best + 1 + (0.5 * (before - after) / curvature if curvature < 0 else 0.0))

    @property
    def redundant(self) -> tuple[int, ...]:
        """Planes that give less than 0.1% of the pixels; empty if labels are not known."""
        if self.shares is None:
            return ()
        return tuple((np.flatnonzero(self.shares < MIN_SHARE) + 1).tolist())

    @property
    def idle_ends(self) -> tuple[int, ...]:
        """Planes at either end that give hardly any pixels; without them the steps stay equal."""
        used = [plane for plane in range(1, len(self.sharpness) + 1) if plane not in self.redundant]
        if not used:
            return ()
        return tuple(
            plane
            for plane in self.redundant
            if not used[0] < plane < used[-1] and plane not in {*self.blank, *self.blurred}
        )

    def renumbered(self, numbers: Sequence[int], count: int) -> Diagnosis:
        """Return the diagnosis of some planes of a stack as one of all its planes.

        Parameters
        ----------
        numbers : sequence of int
            The number of each plane of this diagnosis in the stack, from 1.
        count : int
            Number of planes of the stack. The curves are NaN at those without a number.
        """
        if len(numbers) == count:
            return self

        def spread(values: np.ndarray, over: int) -> np.ndarray:
            whole = np.full(over, np.nan)
            whole[np.array(numbers[: len(values)]) - 1] = values
            return whole

        def named(planes: Sequence[int]) -> tuple[int, ...]:
            return tuple(numbers[plane - 1] for plane in planes)

        return Diagnosis(
            sharpness=spread(self.sharpness, count),
            brightness=spread(self.brightness, count),
            steps=spread(self.steps, count - 1),
            blank=named(self.blank),
            unrelated=named(self.unrelated),
            blurred=named(self.blurred),
            duplicates=tuple((one, other) for one, other in map(named, self.duplicates)),
            order=named(self.order),
            misplaced=named(self.misplaced),
            gaps=tuple((one, other) for one, other in map(named, self.gaps)),
            flicker={numbers[plane - 1]: ratio for plane, ratio in self.flicker.items()},
            shares=None if self.shares is None else spread(self.shares, count),
        )

    @property
    def reversed(self) -> Diagnosis:
        """The same findings, with the planes counted from the other end."""
        count = len(self.sharpness)

        def turned(planes: Sequence[int]) -> tuple[int, ...]:
            return tuple(count + 1 - plane for plane in planes)

        return replace(
            self,
            sharpness=self.sharpness[::-1],
            brightness=self.brightness[::-1],
            steps=self.steps[::-1],
            blank=turned(self.blank)[::-1],
            unrelated=turned(self.unrelated)[::-1],
            blurred=turned(self.blurred)[::-1],
            duplicates=tuple((one, other) for one, other in map(turned, self.duplicates)),
            order=turned(self.order)[::-1],
            misplaced=turned(self.misplaced)[::-1],
            gaps=tuple((one, other) for other, one in map(turned, self.gaps[::-1])),
            flicker={count + 1 - plane: ratio for plane, ratio in self.flicker.items()},
            shares=None if self.shares is None else self.shares[::-1],
        )

    def messages(self) -> list[str]:
        """Return the findings, most serious first, one sentence each; none for a good stack."""
        messages = []
        if self.unrelated:
            one = len(self.unrelated) == 1
            verb, it = ("resembles", "it") if one else ("resemble", "each")
            messages.append(
                f"{_ranges(self.unrelated)} {verb} no other plane; check that {it} belongs "
                "to this stack."
            )
        if self.order:
            messages.append(self._order_message())
        if self.blurred:
            verb, it = ("is", "it") if len(self.blurred) == 1 else ("are", "them")
            messages.append(
                f"{_ranges(self.blurred)} {verb} blurred as a whole, where planes beside are "
                f"sharp; a fusion leaves {it} out unless planes are chosen."
            )
        if self.duplicates:
            pairs = [f"{one} and {other}" for one, other in self.duplicates]
            named = "; ".join(pairs) if len(pairs) <= MAX_NAMED else f"of {len(pairs)} pairs"
            copy = "one" if len(pairs) == 1 else "one of each"
            messages.append(
                f"Planes {named} show the same image: {copy} is a copy, or focus did not move."
            )
        if self.gaps:
            where = _join([f"{one}-{other}" for one, other in self.gaps])
            messages.append(
                f"Focus moves much further than elsewhere between planes {where}; "
                "check whether planes are missing or misplaced there."
            )
        if self.flicker:
            largest = max(abs(ratio - 1) for ratio in self.flicker.values())
            messages.append(
                f"Brightness jumps by up to {largest:.0%} at {_planes(list(self.flicker))}; "
                "keep light and exposure constant, or seams will show."
            )
        if self.blank:
            verb = "shows" if len(self.blank) == 1 else "show"
            messages.append(
                f"{_ranges(self.blank)} {verb} nothing, or only noise; blank planes are left out."
            )
        if self.idle_ends:
            verb, it = ("gives", "it") if len(self.idle_ends) == 1 else ("give", "them")
            used = [n for n in range(1, len(self.sharpness) + 1) if n not in self.redundant]
            messages.append(
                f"{_ranges(self.idle_ends)} {verb} less than {MIN_SHARE:.1%} of the pixels of the "
                f"fused image; planes='{used[0]}:{used[-1]}' leaves {it} out."
            )
        return messages

    def to_dict(self) -> dict[str, Any]:
        """Return all findings as values that JSON can hold, with the messages."""
        return {
            "sharpness": _listed(self.sharpness),
            "brightness": _listed(self.brightness),
            "steps": _listed(self.steps),
            "blank": list(self.blank),
            "foreign": list(self.unrelated),
            "blurred": list(self.blurred),
            "twins": [list(pair) for pair in self.duplicates],
            "order": list(self.order),
            "misplaced": list(self.misplaced),
            "gaps": [list(pair) for pair in self.gaps],
            "flicker": {str(plane): ratio for plane, ratio in self.flicker.items()},
            "shares": None if self.shares is None else _listed(self.shares),
            "redundant": list(self.redundant),
            "findings": self.messages(),
        }

    def _order_message(self) -> str:
        """Return the message about a better order."""
        moved = [(old, new) for old, new in zip(sorted(self.order), self.order, strict=True)]
        moved = [(old, new) for old, new in moved if old != new]
        if len(moved) == 2:
            return f"Planes {moved[0][0]} and {moved[1][0]} seem to be swapped."
        verb = "seems" if len(self.misplaced) == 1 else "seem"
        return (
            f"{_planes(self.misplaced).capitalize()} {verb} out of order; neighbours are most "
            f"alike in the order {format_ranges(self.order)}."
        )


def _listed(values: np.ndarray) -> list[float | None]:
    """Return values as JSON can hold them, None for NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


def _planes(planes: Sequence[int]) -> str:
    """Return planes by number, or their count if there are many."""
    if len(planes) > MAX_NAMED:
        return f"{len(planes)} planes"
    return f"{'plane' if len(planes) == 1 else 'planes'} {_join([str(one) for one in planes])}"


def _ranges(planes: Sequence[int]) -> str:
    """Return planes by number, as ranges, at the start of a sentence; their count if many."""
    ranges = format_ranges(planes)
    if ranges.count(",") >= MAX_NAMED:
        return f"{len(planes)} planes between {min(planes)} and {max(planes)}"
    return f"{'Plane' if len(planes) == 1 else 'Planes'} {ranges}"


def _join(words: Sequence[str]) -> str:
    """Return words as a list with commas and a last "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def format_ranges(planes: Sequence[int]) -> str:
    """Return numbers of planes as ranges.

    Examples
    --------
    >>> format_ranges([1, 3, 2, 4, 5, 6])
    '1, 3, 2, 4 to 6'
    """
    runs: list[list[int]] = []
    for plane in planes:
        if runs and plane == runs[-1][-1] + 1:
            runs[-1].append(plane)
        else:
            runs.append([plane])
    return ", ".join(
        f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )
