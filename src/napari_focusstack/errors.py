"""The exceptions for input that cannot be used."""

from __future__ import annotations


class InputError(ValueError):
    """An input that cannot be used, and that the user can correct.

    The message is one sentence: what is wrong, with the value, and what to do. The command prints
    it as one line and exits with code 2.
    """


class FocusAxisError(InputError):
    """It is not clear along which axis of a file focus changes.

    The message says "choose", for windows have a menu of the axes; the command adds its option.

    Parameters
    ----------
    message : str
        One sentence.
    axes : str
        A letter for each axis that it may be; empty where there is none.
    """

    def __init__(self, message: str, axes: str) -> None:
        super().__init__(message)
        self.axes = axes

    def __reduce__(self) -> tuple[type[FocusAxisError], tuple[str, str]]:
        """Pickle both arguments: processes hand errors on."""
        return FocusAxisError, (str(self), self.axes)


class ForeignPlanesError(InputError):
    """Some planes do not match the others.

    Parameters
    ----------
    message : str
        One sentence.
    planes : tuple of int
        Their numbers, from 1.
    correlation : float
        With the others.
    """

    def __init__(self, message: str, planes: tuple[int, ...], correlation: float) -> None:
        super().__init__(message)
        self.planes = planes
        self.correlation = correlation

    def __reduce__(self) -> tuple[type[ForeignPlanesError], tuple[str, tuple[int, ...], float]]:
        """Pickle all arguments: processes hand errors on."""
        return ForeignPlanesError, (str(self), self.planes, self.correlation)
