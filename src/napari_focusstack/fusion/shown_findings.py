"""What is said of pixels that planes do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.diagnostics.diagnosis import format_ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.planes.shown import Shown

#: Why planes do not show pixels.
BLACK_BORDER = "a black border, as an alignment elsewhere leaves it"
GIVEN = "they are NaN, infinite, masked or transparent"


def shown_findings(given: Shown, blank: Sequence[bool], now: Shown) -> list[str]:
    """Return what planes do not show, one sentence for each kind.

    Parameters
    ----------
    given : Shown
        What the planes show as given.
    blank : sequence of bool
        Which planes show nothing; they are left out.
    now : Shown
        What the planes that are not blank show after registration.
    """
    findings = []
    for is_black_border, why in ((True, BLACK_BORDER), (False, GIVEN)):
        numbers = [
            number
            for number, mask in enumerate(given.masks, 1)
            if mask is not None
            and mask.is_black_border is is_black_border
            and not blank[number - 1]
        ]
        if numbers:
            most = max(1 - float(given.plane(number).mean()) for number in numbers)
            planes = "Plane" if len(numbers) == 1 else "Planes"
            verb = "does" if len(numbers) == 1 else "do"
            findings.append(
                f"{planes} {format_ranges(numbers)} {verb} not show up to {most:.1%} of the pixels "
                f"({why}); other planes are used there."
            )
    if now.by_any is not None:
        share = 1 - float(now.by_any.whole.mean())
        findings.append(
            f"No plane shows {share:.1%} of the pixels; they are 0 or NaN in the result, and crop "
            "cuts them off."
        )
    return findings
