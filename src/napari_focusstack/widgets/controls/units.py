"""Units as people write them."""

from __future__ import annotations

from napari_focusstack.io.reading.calibration import UNKNOWN, unit_name

#: Signs of units whose names in napari are spelt without one.
SIGNS = {"um": "\N{MICRO SIGN}m"}


def unit_sign(unit: object) -> str:
    """Return the sign of a unit, or the unit itself where it is none that files use.

    Examples
    --------
    >>> unit_sign("micrometer"), unit_sign("mm"), unit_sign("furlong")
    ('µm', 'mm', 'furlong')
    """
    known = unit_name(unit)
    return str(unit) if known == UNKNOWN else SIGNS.get(known, known)
