"""The noise of a focal stack, which focus measures are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.imaging.noise import BLOCK_PX, noise_of_bands, stack_noise
from napari_focusstack.planes.bands import grey_and_detail
from napari_focusstack.planes.distinct import spread_evenly
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from napari_focusstack.planes.focal_stack import FocalStack

#: Most planes in which noise is looked for.
NOISE_PLANES = 9


def estimate_noise(stack: FocalStack) -> float:
    """Estimate the noise of a stack from planes spread evenly over it.

    Returns
    -------
    float
        See :func:`~napari_focusstack.imaging.noise.noise_level`.
    """

    def of_plane(number: int) -> float:
        return noise_of_bands(grey_and_detail(stack, number, BLOCK_PX))

    numbers = spread_evenly(len(stack), NOISE_PLANES)
    return stack_noise(list(map_in_threads(of_plane, numbers, stack.device)))
