"""Which end of a stack is nearest to the lens: the right order explains the planes better."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_focusstack.progress import Progress, retold

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.stack import Stack

#: Planes are looked at in a size of about so many pixels.
GLANCE_PX = 500_000
#: The other order must leave less than this share of what the given one leaves.
CLEARLY = 0.95


def is_reversed(stack: Stack) -> Generator[Progress, None, bool]:
    """Tell whether the last plane is nearest to the lens.

    What stands in front veils what lies behind it, never the other way round: with the planes in
    the wrong order, taking that veil away explains the planes worse than leaving it (reblur
    residual over that of the planes as they are). Where nothing stands before anything, the order
    is of no account and is left as it is.

    Parameters
    ----------
    stack : Stack
        The planes as they were given.

    Yields
    ------
    Progress

    Returns
    -------
    bool
    """
    from napari_focusstack.stack import Stack
    from napari_focusstack.windows import NoEdge

    step = max(1, round((stack.size[0] * stack.size[1] / GLANCE_PX) ** 0.5))
    planes = [shrunk(np.asarray(plane[:, :]), step) for plane in stack.sources]
    unexplained = []
    ends: tuple[Literal["first", "last"], ...] = ("first", "last")
    for tried, near in enumerate(ends):
        parameters = replace(stack.parameters, near=near, psf="reblur", psf_shape="gaussian")
        glance = Stack(planes, parameters)
        focus, _ = yield from retold(glance.find_focus(), partial(_half, tried))
        if not focus.has_steps():
            return False
        try:
            psf = glance.psf(focus)
        except NoEdge:
            return False
        unexplained.append(psf.residual / psf.plain)
    return unexplained[1] < CLEARLY * unexplained[0]


def _half(tried: int, step: Progress) -> Progress:
    """Say of a step that it is of the first or the second order that is tried."""
    return Progress("find the near end", tried * step.total + step.done, 2 * step.total)


def shrunk(plane: np.ndarray, step: int) -> np.ndarray:
    """Return a plane of a fraction of the size, each pixel the mean of ``step`` squared."""
    rows, columns = (side // step * step for side in plane.shape[:2])
    cells = plane[:rows, :columns].reshape(
        rows // step, step, columns // step, step, *plane.shape[2:]
    )
    return cells.mean((1, 3)).astype(plane.dtype)
