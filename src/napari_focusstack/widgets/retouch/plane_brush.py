"""Keeps the plane that the brush paints, the slider and the colour bar one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.widgets.controls.units import unit_sign
from napari_focusstack.widgets.session.depth_colours import plane_colours

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.layers import Labels
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QPushButton

    from napari_focusstack.widgets.controls.plane_legend import Legend
    from napari_focusstack.widgets.session.session import Session


class PlaneBrush:
    """Keeps the selected label, the stack's slider and a colour bar together.

    The slider follows the selected label, however that was selected, and the label the slider.

    Parameters
    ----------
    viewer : Viewer
        Has the mouse and the slider.
    legend : Legend
        Shows the colours of the planes.
    eyedropper : QPushButton
        Checkable; it is checked until a plane is picked.
    changed : callable
        Called without arguments when another plane is chosen.
    """

    def __init__(
        self, viewer: Viewer, legend: Legend, eyedropper: QPushButton, changed: Callable[[], None]
    ) -> None:
        self.viewer = viewer
        self.legend = legend
        self.eyedropper = eyedropper
        self.changed = changed
        self.session: Session | None = None
        self.labels: Labels | None = None
        self._slider_plane = 0
        viewer.dims.events.point.connect(self._slid)

    def leave(self) -> None:
        """Follow the slider no more."""
        self.viewer.dims.events.point.disconnect(self._slid)
        self.follow(None)

    def follow(self, session: Session | None) -> None:
        """Work on the Labels layer of a session only; None works on none."""
        self.session = session
        labels = None if session is None else session.labels
        if labels is None or session is None:
            self.legend.offer({})
        else:  # also of the same labels: planes may have been left out since
            _, unit = session.source.plane_step
            unit = "" if unit == UNKNOWN else unit_sign(unit)
            self.legend.offer(plane_colours(session.source.count), session.depths, unit)
        if labels is self.labels:
            return
        self.stop_picking()
        if self.labels is not None:
            self.labels.events.selected_label.disconnect(self._selected)
        self.labels = labels
        self._slider_plane = self.shown()
        if labels is not None:
            if self._slider_plane:
                self._choose(self._slider_plane)
            labels.events.selected_label.connect(self._selected)
            self.legend.choose(self.plane)
        self.changed()

    @property
    def plane(self) -> int:
        """The plane that the brush paints, counted from 1, the nearest; 0 where there is none."""
        if self.labels is None or self.session is None:
            return 0
        # label 0 is the farthest plane
        return int(self.labels.selected_label) or self.session.source.count

    def paint_with(self, plane: int) -> None:
        """Let the brush paint a plane, counted from 1, and the slider show it."""
        labels, session = self.ready()
        self._choose(plane)
        labels.visible = True  # napari paints in visible layers only
        labels.mode = "paint"
        self.viewer.layers.selection.active = labels
        session.source.show_plane(self.viewer.dims, session.end, plane)

    def paint_with_shown(self) -> int:
        """Let the brush paint the plane that the slider shows; return it."""
        _, session = self.ready()
        plane = session.source.plane_at(self.viewer.dims, session.end)
        self.paint_with(plane)
        return plane

    def step(self, by: int) -> None:
        """Choose the plane some planes behind the chosen one."""
        _, session = self.ready()
        self._choose(min(max(1, self.plane + by), session.source.count))

    def _choose(self, plane: int) -> None:
        """Choose a plane for the brush, whatever the brush does."""
        labels, session = self.ready()
        # the far plane of a pair has no label: it is painted by erasing
        labels.selected_label = 0 if session.source.count == 2 and plane == 2 else plane

    # ---- picking

    def pick_at_cursor(self) -> int | None:
        """Let the brush paint the plane under the cursor; return it, None outside the image."""
        plane = self.plane_under(self.viewer.cursor.position)
        if plane is not None:
            self.paint_with(plane)
        return plane

    def pick(self) -> None:
        """Let the brush paint the plane under a press of the mouse; a drag follows the planes."""
        try:
            labels, _ = self.ready()
        except InputError:
            self.eyedropper.setChecked(False)
            raise
        self.stop_picking()
        labels.mode = "pan_zoom"  # or the click would paint
        self.eyedropper.setChecked(True)
        self.viewer.mouse_drag_callbacks.append(self._pressed)

    def stop_picking(self) -> None:
        """Ignore the mouse from now on."""
        self.eyedropper.setChecked(False)
        if self._pressed in self.viewer.mouse_drag_callbacks:
            self.viewer.mouse_drag_callbacks.remove(self._pressed)

    def _pressed(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Follow the planes under the mouse until it is let go: only the next press paints."""
        plane = self.plane_under(event.position)
        event.handled = True
        yield
        while event.type == "mouse_move":
            event.handled = True
            plane = self.plane_under(event.position) or plane
            if plane is not None:
                self._choose(plane)
            yield
        if plane is not None:
            self.paint_with(plane)
        self.stop_picking()

    def plane_under(self, position: tuple[float, ...]) -> int | None:
        """Return the plane at a place in world coordinates, None outside the labels."""
        labels, session = self.ready()
        place = tuple(round(at) for at in labels.world_to_data(position)[-labels.ndim :])
        data = np.asarray(labels.data)
        if not all(0 <= at < size for at, size in zip(place, data.shape, strict=True)):
            return None
        # label 0 is the farthest plane
        return int(data[place]) or session.source.count

    def ready(self) -> tuple[Labels, Session]:
        """Return labels and session; InputError if there are none."""
        labels, session = self.labels, self.session
        if labels is None or session is None or labels not in self.viewer.layers:
            raise InputError("no planes were found yet; press Find planes or Run all first.")
        return labels, session

    # ---- label and slider

    def _selected(self, _: Any) -> None:
        """Show the selected label in the colour bar and with the slider."""
        if self.labels is None or self.session is None:
            return
        plane, source = self.plane, self.session.source
        self.legend.choose(plane)
        if 1 <= plane <= source.count and source.layers[0] in self.viewer.layers:
            source.show_plane(self.viewer.dims, self.session.end, plane)
        self.changed()

    def _slid(self, _: Any) -> None:
        """Choose for the brush the plane that the slider now shows."""
        shown = self.shown()
        if shown in (0, self._slider_plane):
            return  # another slider was moved
        self._slider_plane = shown
        if self.labels in self.viewer.layers and shown != self.plane:
            self._choose(shown)

    def shown(self) -> int:
        """Return the plane that the slider shows; 0 where there is none."""
        session = self.session
        if session is None or len(session.source.layers) == 2:
            return 0
        if session.source.layers[0] not in self.viewer.layers:
            return 0
        return session.source.plane_at(self.viewer.dims, session.end)
