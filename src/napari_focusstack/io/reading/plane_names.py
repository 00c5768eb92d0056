"""The parts of a file name: words, and the numbers between them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_focusstack.io.reading.calibration import UNKNOWN, unit_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


#: Characters between the parts of a name.
SEPARATORS = "_- .="
#: What stands before a number that counts along an axis. S: positions in a dish, or series.
AXIS_WORDS = {
    "Z": ("z", "zpos", "slice", "plane", "focus", "depth"),
    "T": ("t", "time", "tp", "timepoint"),
    "C": ("c", "ch", "channel", "w", "wavelength", "cy", "alexa", "af"),
    "S": ("s", "p", "pos", "position", "xy", "f", "field", "site", "well", "series"),
}
_NUMBER = re.compile(r"((?<!\d)[+-])?(\d+)([.,]\d+)?")
_UNIT = re.compile(r"\s?(um|µm|μm|nm|mm|microns?)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A number in a name."""

    #: "+", "-" or nothing. A minus may be a mere separator.
    sign: str
    #: Its digits, with a decimal point or comma where a unit follows or a z stands before.
    digits: str
    #: Where it is in the name, without its sign.
    start: int
    #: Unit that follows, as in `napari_focusstack.io.reading.calibration.SPELLINGS`, or "pixel".
    unit: str

    @property
    def size(self) -> float:
        """Its value without a sign."""
        return float(self.digits.replace(",", "."))

    def written(self, value: float) -> str:
        """Return the digits of another value, written in the same way if they suffice."""
        whole, point, decimals = self.digits.replace(",", ".").partition(".")
        digits = f"{abs(value):.{len(decimals)}f}".zfill(len(whole) + len(point) + len(decimals))
        digits = digits if abs(float(digits) - abs(value)) < 1e-6 else f"{abs(value):g}"
        return digits.replace(".", ",") if "," in self.digits else digits


@dataclass(frozen=True)
class PlaneName:
    """The name of a file.

    Parameters
    ----------
    path : Path
        The file.
    words : tuple of str
        What stands before, between and after the numbers, without suffix; one more than these.
    numbers : tuple of Number
        The numbers.
    """

    path: Path
    words: tuple[str, ...]
    numbers: tuple[Number, ...]

    @classmethod
    def of(cls, path: Path) -> PlaneName:
        """Return the parts of a file name.

        Examples
        --------
        >>> from pathlib import Path
        >>> name = PlaneName.of(Path("cell_2_z-4.0um.tif"))
        >>> name.words, [number.sign + number.digits for number in name.numbers]
        (('cell_', '_z', 'um'), ['2', '-4.0'])
        """
        text = unicodedata.normalize("NFC", path.stem).replace("−", "-")
        words, numbers, end = [], [], 0
        while match := _NUMBER.search(text, end):
            before = text[end : match.start()]
            sign, whole, decimals = match.groups("")
            measures = before.rstrip(SEPARATORS).lower().endswith("z")
            if decimals and not measures and not _UNIT.match(text, match.end()):
                decimals = ""
            words.append(before)
            start = match.start() + len(sign)
            end = start + len(whole + decimals)
            unit = _UNIT.match(text, end)
            name = unit_name(unit[1]) if unit else UNKNOWN
            numbers.append(Number(sign, whole + decimals, start, name))
        return cls(path, (*words, text[end:]), tuple(numbers))

    @property
    def pattern(self) -> tuple[str, ...]:
        """The words that names of one series share, in small letters without separators."""
        return tuple(word.strip(SEPARATORS).casefold() for word in self.words)

    def axis(self, place: int) -> str:
        """Return the letter of the axis along which a number counts; "" if its word is none."""
        match = re.search(r"[^\W\d_]+$", self.pattern[place])
        word = match[0] if match else ""
        return next((letter for letter, words in AXIS_WORDS.items() if word in words), "")

    def renumbered(self, place: int, old: float, new: float) -> str:
        """Return the name with a new value of a number, written in the same way as the old one."""
        name, number = unicodedata.normalize("NFC", self.path.name), self.numbers[place]
        sign = "-" if new < 0 else "+" if number.sign == "+" else ""
        separates = number.sign == "-" and old > 0
        start = number.start - (0 if separates else len(number.sign))
        rest = name[number.start + len(number.digits) :]
        return f"{name[:start]}{sign}{number.written(new)}{rest}"


def values(names: Sequence[PlaneName]) -> list[tuple[float, ...]]:
    """Return the values of the numbers in names of one series, with their signs.

    A minus is a sign where another name has a plus or nothing at its place, or where a unit
    follows. Otherwise it separates, as in ``cell-1``.

    Parameters
    ----------
    names : sequence of PlaneName
        With as many numbers each.

    Examples
    --------
    >>> from pathlib import Path
    >>> def of(*names): return values([PlaneName.of(Path(name)) for name in names])
    >>> of("z-2.tif", "z0.tif", "z2.tif"), of("cell-1.tif", "cell-2.tif")
    ([(-2.0,), (0.0,), (2.0,)], [(1.0,), (2.0,)])
    """
    columns = []
    for numbers in zip(*(name.numbers for name in names), strict=True):
        is_sign = {number.sign for number in numbers} != {"-"} or numbers[0].unit != UNKNOWN
        columns.append(
            [-each.size if is_sign and each.sign == "-" else each.size for each in numbers]
        )
    return list(zip(*columns, strict=True)) if columns else [()] * len(names)
