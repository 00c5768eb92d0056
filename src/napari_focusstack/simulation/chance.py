"""Numbers drawn by NumPy's generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator


def log_uniform(low: float, high: float, generator: Generator) -> float:
    """Draw a number whose log is equally likely everywhere between two bounds above 0.

    Examples
    --------
    >>> 0.1 <= log_uniform(0.1, 10.0, np.random.default_rng(0)) <= 10.0
    True
    """
    return float(np.exp(generator.uniform(*np.log([low, high]))))
