"""Chooses the plane that the brush paints: under the cursor, of the slider, or of the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.widgets.session.label_layer import plane_colours

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.layers import Labels
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QPushButton

    from napari_focusstack.widgets.controls.plane_legend import Legend
    from napari_focusstack.widgets.session.session import Session


class PlaneBrush:
    """Keeps the selected label, the stack's slider and a legend together.

    The slider follows the selected label, however that was selected. The label follows the slider
    only on request.

    Parameters
    ----------
    viewer : Viewer
        Has the mouse and the slider.
    legend : Legend
        Shows the colours of the planes.
    eyedropper : QPushButton
        Checkable; it is checked until a plane is picked.
    """

    def __init__(self, viewer: Viewer, legend: Legend, eyedropper: QPushButton) -> None:
        self.viewer = viewer
        self.legend = legend
        self.eyedropper = eyedropper
        self.session: Session | None = None
        self.labels: Labels | None = None

    def follow(self, session: Session | None) -> None:
        """Work on the Labels layer of a session only; None works on none."""
        self.session = session
        labels = None if session is None else session.labels
        if labels is self.labels:
            return
        self.stop_picking()
        if self.labels is not None:
            self.labels.events.selected_label.disconnect(self._selected)
        self.labels = labels
        planes = 0 if labels is None or session is None else session.source.count
        self.legend.offer(plane_colours(planes) if planes > 2 else {})
        if labels is not None:
            labels.events.selected_label.connect(self._selected)
            self.legend.choose(labels.selected_label)

    def paint_with(self, plane: int) -> None:
        """Let the brush paint a plane, counted from 1, and the slider show it."""
        labels, session = self._ready()
        # the far plane of a pair has no label: it is painted by erasing
        labels.selected_label = 0 if session.source.count == 2 and plane == 2 else plane
        labels.mode = "paint"
        self.viewer.layers.selection.active = labels
        session.source.show_plane(self.viewer.dims, session.end, plane)

    def paint_with_shown(self) -> int:
        """Let the brush paint the plane that the slider shows; return it."""
        _, session = self._ready()
        plane = session.source.plane_at(self.viewer.dims, session.end)
        self.paint_with(plane)
        return plane

    def pick(self) -> None:
        """Let the brush paint the plane of the pixel that is clicked next."""
        try:
            labels, _ = self._ready()
        except InputError:
            self.eyedropper.setChecked(False)
            raise
        self.stop_picking()
        labels.mode = "pan_zoom"  # or the click would paint
        self.eyedropper.setChecked(True)
        self.viewer.mouse_drag_callbacks.append(self._clicked)

    def stop_picking(self) -> None:
        """Ignore the mouse from now on."""
        self.eyedropper.setChecked(False)
        if self._clicked in self.viewer.mouse_drag_callbacks:
            self.viewer.mouse_drag_callbacks.remove(self._clicked)

    def _clicked(self, viewer: Viewer, event: Any) -> Generator[None, None, None]:
        """Pick the pixel that was pressed, on release: only the next press paints."""
        position = event.position
        yield
        while event.type == "mouse_move":
            yield
        plane = self._plane_under(position)
        self.stop_picking()
        if plane is not None:
            self.paint_with(plane)

    def _plane_under(self, position: tuple[float, ...]) -> int | None:
        """Return the plane at a position in world coordinates, None outside the labels."""
        labels, session = self._ready()
        place = tuple(round(at) for at in labels.world_to_data(position)[-labels.ndim :])
        data = np.asarray(labels.data)
        if not all(0 <= at < size for at, size in zip(place, data.shape, strict=True)):
            return None
        # label 0 is the farthest plane
        return int(data[place]) or session.source.count

    def _ready(self) -> tuple[Labels, Session]:
        """Return labels and session; InputError if there are none."""
        labels, session = self.labels, self.session
        if labels is None or session is None or labels not in self.viewer.layers:
            raise InputError("no planes were found yet; press Find planes or Run all first.")
        return labels, session

    def _selected(self, _: Any) -> None:
        """Show the selected label in the legend and with the slider."""
        if self.labels is None or self.session is None:
            return
        plane, source = self.labels.selected_label, self.session.source
        self.legend.choose(plane)
        if 1 <= plane <= source.count and source.layers[0] in self.viewer.layers:
            source.show_plane(self.viewer.dims, self.session.end, plane)
