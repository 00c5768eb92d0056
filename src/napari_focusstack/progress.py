"""What a long step says of itself; light enough for a GUI to import."""

from __future__ import annotations

from dataclasses import dataclass


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
