"""The planes of a fusion, made ready: mended, those that count chosen, registered, equalised."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_focusstack.diagnostics.blurred import blurred_planes
from napari_focusstack.diagnostics.similarity import summarize
from napari_focusstack.errors import ForeignPlanesError
from napari_focusstack.fusion.copied_planes import places_without_copies
from napari_focusstack.fusion.surface_planes import SurfacePlanes
from napari_focusstack.networks.device import resolve_device
from napari_focusstack.planes.checks import check_positions
from napari_focusstack.planes.defects import Defects
from napari_focusstack.planes.distinct import width_of
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.registration.align import align, shown_after
from napari_focusstack.registration.light import Light
from napari_focusstack.registration.register import foreign_planes
from napari_focusstack.runtime.forked import check_not_forked
from napari_focusstack.runtime.memory import memory_budget
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.threads import map_in_threads
from napari_focusstack.source.noise import estimate_noise

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.focal_stack import Planes
    from napari_focusstack.planes.shown import Shown
    from napari_focusstack.registration.transforms import Registration

logger = logging.getLogger(__name__)
#: Fewest planes of which one may be left out because it is blurred as a whole.
MIN_PLANES = 4


class PreparedPlanes:
    """The planes of a fusion, and what was done to them.

    Parameters
    ----------
    planes, parameters, budget_bytes, positions
        See :class:`napari_focusstack.fusion.pipeline.Pipeline`.

    Attributes
    ----------
    positions : ndarray or None
        Distance of each plane behind the nearest, (P,); None where steps are equal.
    stack : FocalStack
        The planes, nearest first; blank planes stand for those that are not chosen.
    shown : list of int
        Numbers of the planes that are neither blank nor blurred as a whole, in which surfaces and
        sources are sought.
    blurred : list of int
        Numbers of the planes that were left out because they are blurred as a whole.
    registration : Registration or None
        How the planes were moved, in the order given; None where registration was not tried.
    defects : Defects or None
        Pixels that the sensor got wrong, and that are filled; None if there are none.
    light : Light or None
        How the light changed between the planes, which is equalised; None if it did not.
    unequalised : FocalStack or None
        A pair before its light was equalised, in which its foreground is sought.
    given_shown : Shown
        What planes show before registration.
    near : {"first", "last"}
        Which end of the planes as given is nearest to the lens.

    Raises
    ------
    InputError
        If planes or parameters cannot be used.
    """

    def __init__(
        self,
        planes: Planes,
        parameters: FuseParameters,
        budget_bytes: int | None = None,
        positions: Sequence[float] | None = None,
    ) -> None:
        check_not_forked()
        self.parameters = parameters
        budget = memory_budget() if budget_bytes is None else budget_bytes
        device = resolve_device(parameters.device)
        self.stack = FocalStack(planes, parameters.intensity, device, budget, parameters.planes)
        self.shown = [n for n, is_blank in enumerate(self.stack.blank, 1) if not is_blank]
        self.blurred: list[int] = []
        self.positions = self._positions(planes, positions)
        self.registration: Registration | None = None
        self.defects: Defects | None = None
        self.light: Light | None = None
        self.unequalised: FocalStack | None = None
        self.given_shown = self.stack.shown
        self.near: Literal["first", "last"] = "first"
        if parameters.near == "last":
            self.reverse()
        shape, dtype = self.stack.sources[0].shape, self.stack.sources[0].dtype
        logger.debug("%d planes %s %s on %s", len(self.stack), shape, dtype, device)

    def reverse(self) -> None:
        """Take the last plane as given for the nearest."""
        self.near = "last"
        self.stack.reverse()
        self.shown = [len(self.stack) + 1 - number for number in reversed(self.shown)]
        if self.positions is not None:
            self.positions = self.positions[-1] - self.positions[::-1]

    def _positions(self, planes: Planes, given: Sequence[float] | None) -> np.ndarray | None:
        """Return how far each plane, in the order given, lies behind the first."""
        chosen = [number for number, is_chosen in enumerate(self.stack.chosen, 1) if is_chosen]
        if given is None and (places := places_without_copies(planes, chosen)):
            given = [place * (self.parameters.z_step or 1) for place in places]
        return check_positions(given, len(self.stack), chosen)

    def mend(self) -> Generator[Progress, None, None]:
        """Fill hot and dead pixels, see :class:`napari_focusstack.planes.defects.Defects`."""
        if self.parameters.equalize == "off":
            return
        yield Progress("find hot pixels", 0, 1)
        stack = self.shown_stack
        planes = stack.sources
        self.defects = Defects.of(planes, stack.shown)
        if self.defects is not None:
            logger.debug("%s", self.defects.reason)
            self.stack.put(self.shown, self.defects.mend(planes))
        yield Progress("find hot pixels", 1, 1)

    def leave_out_blurred(self) -> None:
        """Leave out planes that are blurred as a whole, unless the planes were chosen."""
        if self.parameters.planes is not None or len(self.shown) < MIN_PLANES:
            return
        sources = self.shown_stack.sources
        summaries = list(map_in_threads(summarize, sources))
        self.blurred = [self.shown[at] for at in blurred_planes(summaries)]
        self.shown = [number for number in self.shown if number not in self.blurred]

    def align(self, known: Registration | None = None) -> Generator[Progress, None, None]:
        """Register the planes, and equalise their light.

        See :func:`napari_focusstack.registration.align.align` and
        :class:`napari_focusstack.registration.light.Light`.
        """
        self.given_shown = self.stack.shown
        if known is not None:
            known.check(self.stack.sources)
            known = self._in_order(known).take(self.shown)
        stack = self.shown_stack
        given = stack.sources, self.parameters, known, stack.shown
        try:
            planes, registration = yield from align(*given)
        except ForeignPlanesError as error:
            numbers = [self._as_given(self.shown[number - 1]) for number in error.planes]
            raise foreign_planes(numbers, error.correlation) from None
        if registration is not None:
            logger.debug("registration: %s", registration.reason)
            self.registration = self._in_order(registration.put(self.shown, len(self.stack)))
            if not registration.is_identity:
                self.stack.put(self.shown, planes, shown_after(registration, stack.shown))
        if self.parameters.equalize == "off":
            return
        yield Progress("compare light", 0, 1)
        stack = self.shown_stack
        planes = stack.sources
        self.light = Light.of(planes, self.stack.intensity, stack.shown)
        if self.light is not None:
            logger.debug("%s", self.light.reason)
            if len(self.shown) == 2:  # FSB knows pairs of different light
                self.unequalised = self.shown_stack
            self.stack.put(self.shown, self.light.equalize(planes, self.stack.intensity))
        yield Progress("compare light", 1, 1)

    def _as_given(self, number: int) -> int:
        """Return the number of a plane, counted from the nearest, in the order given."""
        return len(self.stack) + 1 - number if self.near == "last" else number

    def _in_order(self, registration: Registration) -> Registration:
        """Return a registration in the order given as one of the nearest first, or the inverse."""
        return registration.reversed if self.near == "last" else registration

    @cached_property
    def surfaces(self) -> SurfacePlanes:
        """The planes in which surfaces and their blur are sought."""
        return SurfacePlanes.of(self.stack, self.shown, self.width, self.positions)

    @cached_property
    def width(self) -> float:
        """After how many planes sharpness falls to its half."""
        return width_of(self.shown_stack)

    @property
    def shown_stack(self) -> FocalStack:
        """The planes that are neither blank nor blurred as a whole."""
        return self.stack.take(self.shown)

    @property
    def visible(self) -> Shown:
        """Which pixels the planes that are not blank show."""
        return self.shown_stack.shown

    @cached_property
    def noise(self) -> float:
        """Noise of the planes, mean absolute Laplacian of display values."""
        return estimate_noise(self.shown_stack)
