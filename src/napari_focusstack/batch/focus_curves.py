"""Sharpness over the planes of many stacks: the best plane of each position and time point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.batch.series import channel_index
from napari_focusstack.diagnostics.diagnose import diagnose
from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.io.reading.find_stacks import focal_stacks
from napari_focusstack.io.reading.plane_store import PlaneStore
from napari_focusstack.runtime.plane_choice import chosen_planes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.io.reading.stack_header import StackHeader

    #: A line of a table, by column.
    Row = dict[str, float | str]


@dataclass(frozen=True, eq=False)
class FocusCurve:
    """Sharpness over the planes of one stack at one place of its other axes.

    Parameters
    ----------
    source : Path
        File, or folder of planes.
    series : int
        Number of the series in the file, from 1.
    place : dict of str to int
        Time point, and place on other axes, by letter and from 1; without the channel.
    diagnosis : Diagnosis
        The sharpness of each plane, and the findings.
    z : ndarray, (P,)
        Where each plane lies along the focus axis.
    unit : str
        Of z; "pixel" where the file has none, and z counts planes from 0 then.
    """

    source: Path
    series: int
    place: dict[str, int]
    diagnosis: Diagnosis
    z: np.ndarray
    unit: str

    @property
    def best_z(self) -> float | None:
        """Where focus is best along the axis, between planes too; None if all are blank."""
        best = self.diagnosis.best_plane
        return None if best is None else float(np.interp(best, self._numbers, self.z))

    @property
    def name(self) -> str:
        """The source, and what of it, in words."""
        place = " ".join(f"{axis}{number}" for axis, number in self.place.items())
        return f"{self.source}{f' series {self.series}' if self.series > 1 else ''} {place}".strip()

    def sentence(self) -> str:
        """Return the best plane in words."""
        best = self.diagnosis.best_plane
        if best is None:
            return "no plane shows anything"
        unit = "" if self.unit == UNKNOWN else f" {self.unit}"
        return f"best plane {round(best)} (focus at plane {best:.2f}, z = {self.best_z:.4g}{unit})"

    def best_row(self) -> Row:
        """Return the line of a table of best planes."""
        best, diagnosis = self.diagnosis.best_plane, self.diagnosis
        if best is None:
            focus: Row = {"best_plane": "", "focus_plane": "", "focus_z": "", "sharpness": ""}
        else:
            sharpest = round(best)
            focus = {
                "best_plane": sharpest,
                "focus_plane": round(best, 3),
                "focus_z": round(self.best_z or 0.0, 6),
                "sharpness": round(float(diagnosis.sharpness[sharpest - 1]), 6),
            }
        return {**self._where(), **focus, "unit": self.unit, "findings": self._findings()}

    def rows(self) -> Iterator[Row]:
        """Yield the lines of a table of curves, one for each plane."""
        for number, z in zip(self._numbers.tolist(), self.z.tolist(), strict=True):
            sharpness, brightness = (
                float(curve[number - 1])
                for curve in (self.diagnosis.sharpness, self.diagnosis.brightness)
            )
            if not np.isnan(sharpness):
                yield {
                    **self._where(),
                    "plane": number,
                    "z": round(z, 6),
                    "unit": self.unit,
                    "sharpness": round(sharpness, 6),
                    "brightness": round(brightness, 6),
                }

    @property
    def _numbers(self) -> np.ndarray:
        return np.arange(1, len(self.z) + 1)

    def _findings(self) -> str:
        return " ".join(self.diagnosis.messages())

    def _where(self) -> Row:
        return {"source": str(self.source), "series": self.series, **self.place}


def focus_curves(
    source: Path, channel: int = 1, planes: str | None = None, axis: str | None = None
) -> Iterator[FocusCurve]:
    """Measure sharpness over the planes at each series and time point of a file or folder.

    Each plane is read once. Planes are not registered.

    Parameters
    ----------
    source : Path
        File, or folder of planes.
    channel : int
        Channel in which sharpness is measured, from 1.
    planes : str, optional
        Planes that are chosen, see `napari_focusstack.runtime.plane_choice`.
    axis : str, optional
        Letter of the focus axis, if the file does not name it.

    Yields
    ------
    FocusCurve

    Raises
    ------
    InputError
        If the source cannot be read, has no focus axis, or no such channel or plane.
    """
    for number, stack in focal_stacks(source, axis):
        yield from _of_stack(source, number, stack, channel, planes)


def _of_stack(
    source: Path, series: int, stack: StackHeader, channel: int, planes: str | None
) -> Iterator[FocusCurve]:
    """Yield the curve of each place on the other axes of a stack."""
    axes, chosen = stack.other_axes, channel_index(stack, channel)
    has_channels = axes.pop("C", 1) > 1
    focus = stack.focus_axis or 0
    numbers = chosen_planes(planes, stack.shape[focus])
    for index in np.ndindex(*axes.values()):
        place = dict(zip(axes, index, strict=True))
        at = {**place, "C": chosen} if has_channels else place
        with PlaneStore(stack, at) as store:
            diagnosis = diagnose(store[number - 1] for number in numbers)
        yield FocusCurve(
            source=source,
            series=series,
            place={letter: position + 1 for letter, position in place.items()},
            diagnosis=diagnosis.renumbered(numbers, len(store)),
            z=stack.focus_places,
            unit=stack.units[focus],
        )
