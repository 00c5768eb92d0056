"""Retouching: a plane beside the fused image, and a brush that takes pixels from it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_focusstack.widgets.controls.after_drawing import AfterDrawing
from napari_focusstack.widgets.controls.dock_title import dock_of
from napari_focusstack.widgets.retouch.plane_brush import PlaneBrush
from napari_focusstack.widgets.retouch.plane_view import PlaneView
from napari_focusstack.widgets.session.label_layer import (
    AREA_OPACITY,
    CONTOUR_OPACITY,
    CONTOUR_PX,
    OVERLAYS,
)

if TYPE_CHECKING:
    from magicgui.widgets import ComboBox
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QPushButton, QWidget

    from napari_focusstack.widgets.controls.plane_legend import Legend
    from napari_focusstack.widgets.controls.wipe import Wipe
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source


#: Names of the images that a result is compared with.
CHOSEN, NEAR, FAR, BEFORE = "chosen plane", "near plane", "far plane", "with the halo"
ONE, ALL, AREAS, HIDDEN = OVERLAYS
#: Title of the second view.
VIEW_NAME = "Plane"


class Controls(Protocol):
    """The controls of a dock that retouching needs."""

    buttons: dict[str, QPushButton]
    legend: Legend
    overlay: ComboBox
    wipe: Wipe


class Retouch:
    """Begins and ends retouching, and keeps brush, slider, second view and comparison together.

    Parameters
    ----------
    viewer : Viewer
        Has the canvas. A napari without a window has no second view beside it.
    panel : Controls
        The dock's.

    Attributes
    ----------
    active : bool
        Whether the fused image is being retouched.
    """

    def __init__(self, viewer: Viewer, panel: Controls) -> None:
        self.viewer = viewer
        self.panel = panel
        self.active = False
        self.session: Session | None = None
        self.view = PlaneView(viewer)
        self.view.stepped.connect(self._step)
        self.brush = PlaneBrush(viewer, panel.legend, panel.buttons["pick_plane"], self.show_plane)
        panel.overlay.changed.connect(self._show_planes)
        viewer.layers.events.removed.connect(self._layer_removed)
        #: The time point and the plane that the sliders showed last.
        self._place: tuple[Source, int] | None = None
        #: Width of the second view when it was shown last; 0 is half of the canvas.
        self._width_px = 0
        #: Width of each of the other docks before the second view came.
        self._others: dict[QDockWidget, int] = {}
        #: Docks that get a width soon, and whether the picture is then to fit the canvas again.
        self._resized: tuple[dict[QDockWidget, int], bool] = {}, False
        self._timer = QTimer(self.view)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._resize)
        self._fitting = AfterDrawing(viewer.fit_to_view, self.view)
        #: Shows the second view once the labels are drawn, which takes as long.
        self._showing = AfterDrawing(lambda: self._show_view(shown=True), self.view)
        #: Ends once napari has taken a removed layer out of its scene: hiding the labels draws
        #: that, and OpenGL may crash over the layer.
        self._ending = QTimer(panel.legend)  # napari may be closing
        self._ending.setSingleShot(True)
        self._ending.timeout.connect(self.end)
        #: Follows another session, as late for the same reason.
        self._following = QTimer(panel.legend)
        self._following.setSingleShot(True)
        self._following.timeout.connect(lambda: self.follow(self._next))
        self._next: Session | None = None

    def leave(self) -> None:
        """End retouching, and follow nothing more."""
        self.end()
        self.viewer.layers.events.removed.disconnect(self._layer_removed)
        self.brush.leave()
        self.view.leave()
        # the other docks get their width, but napari may be closing
        self._resized = self._resized[0], False
        self._fitting.stop()

    def follow(self, session: Session | None) -> None:
        """Work on the layers of a session; None works on none, and ends retouching."""
        self._following.stop()
        if session is None or session is not self.session:
            self.end()
        self.session = session
        self.brush.follow(session)
        self.show_plane()

    def follow_soon(self, session: Session | None) -> None:
        """Work on the layers of a session after the present event."""
        self._next = session
        self._following.start(0)

    def offer_tools(self, planes: int) -> None:
        """Show the buttons that a stack of some planes needs: a pair has no plane to choose."""
        for name in ("pick_plane", "paint_plane"):
            self.panel.buttons[name].setVisible(planes > 2)

    # ---- begin and end

    def begin(self) -> None:
        """Show the labels, select the brush, and show the chosen plane beside the fused image.

        Raises
        ------
        InputError
            If nothing is fused yet.
        """
        labels, session = self.brush.ready()
        session.fused_canvas()
        self.active = True
        circle = self.viewer.canvas.overlays.get("_brush_circle")
        if circle is not None:  # napari 0.9 draws a box over what lies under the brush
            circle.box = False
        self.panel.buttons["retouch"].setChecked(True)
        self.viewer.dims.ndisplay = 2
        if session.image is not None:
            session.image.visible = True
            self.panel.wipe.offer(session.image, self.images())
        self._show_planes()  # before they are visible: each change would draw them anew
        self.brush.paint_with(self.brush.shown() or self.brush.plane)
        self._showing.start()
        self.show_plane()
        labels.events.brush_size.connect(self.show_plane)

    def end(self) -> None:
        """Show the fused image bare again."""
        self.panel.buttons["retouch"].setChecked(False)
        if not self.active:
            return
        self.active = False
        self._showing.stop()
        self._ending.stop()
        self._show_view(shown=False)
        labels = self.brush.labels
        self.brush.stop_picking()
        if labels is None:
            return
        labels.events.brush_size.disconnect(self.show_plane)
        labels.mode, labels.visible, labels.show_selected_label = "pan_zoom", False, False
        if self.session is not None and self.session.image is not None:
            self.viewer.layers.selection = {self.session.image}

    def end_soon(self) -> None:
        """End after the present event."""
        if self.active:
            self._ending.start(0)

    def _layer_removed(self, _: Any) -> None:
        """End where what is retouched, or painted, is gone."""
        gone = self.session is None or self.session.image is None
        if self.active and (gone or self.brush.labels not in self.viewer.layers):
            self.end_soon()

    def toggle(self) -> None:
        """Begin retouching, or end it."""
        if self.active:
            self.end()
        else:
            self.begin()

    # ---- what is shown

    def images(self) -> dict[str, np.ndarray]:
        """Return what the fused image is compared with, by name."""
        canvas = None if self.session is None else self.session.canvas
        if canvas is None:
            return {}
        planes, chosen = canvas.stack.sources, self.brush.plane
        named = {NEAR: planes[0], FAR: planes[1]} if len(planes) == 2 else {}
        if len(planes) > 2:  # a label that names no plane stands for the farthest
            named = {CHOSEN: planes[min(chosen, len(planes)) - 1]}
        return {**named, BEFORE: canvas.initial}

    def blink(self, *, on: bool) -> None:
        """Show what is compared with in place of the fused image, or that one again."""
        labels = self.brush.labels
        if labels is not None and labels.visible:
            if on:
                labels.opacity = 0.0  # hidden it would leave the brush
            else:
                self._show_planes()
        self.panel.wipe.blink(on=on)

    def show_plane(self, *_: Any) -> None:
        """Show the chosen plane in the second view and in the comparison."""
        session, plane = self.session, self.brush.plane
        canvas = None if session is None else session.canvas
        if session is None or canvas is None:
            self.view.show_plane(None, None)
            return
        count = len(canvas.stack)
        if not 1 <= plane <= count:  # napari offers any label
            self.view.show_plane(None, None, f"label {plane} names no plane: there are {count}")
            return
        pixels = canvas.stack.sources[plane - 1]
        shown = session.source.at(self.viewer.dims.point)
        if self.active and shown != session.source:  # as recorded: it may not be registered yet
            plane = self.brush.shown() or plane
            pixels = shown.plane(plane, session.end)
        if count > 2:
            self.panel.wipe.replace(CHOSEN, pixels)
            caption = f"plane {plane} of {count}"
            if session.end == "last":  # the brush counts from the nearest, the slider does not
                caption += f" from the nearest, {count + 1 - plane} in the stack"
            if not canvas.stack.chosen[plane - 1]:
                caption += ", left out"
        else:
            caption = (NEAR, FAR)[plane - 1]
            self.panel.wipe.choose(caption)
        brush_px = 1 if self.brush.labels is None else self.brush.labels.brush_size
        self.view.show_plane(pixels, session.image, caption, brush_px)

    def follow_sliders(self) -> None:
        """Show the plane of another time point as soon as the sliders show that."""
        if self.active and self.session is not None:
            place = self.session.source.at(self.viewer.dims.point), self.brush.shown()
            if place != self._place:
                self._place = place
                self.show_plane()

    def _show_planes(self, *_: Any) -> None:
        """Show the planes over the fused image as the menu says."""
        labels, how = self.brush.labels, self.panel.overlay.value
        if labels is None:
            return
        opacity = {AREAS: AREA_OPACITY, HIDDEN: 0.0}  # napari paints in visible layers only
        wanted = {
            "contour": 0 if how == AREAS else CONTOUR_PX,
            "opacity": opacity.get(how, CONTOUR_OPACITY),
            # a pair has one outline, whichever plane is chosen
            "show_selected_label": how == ONE and len(self.panel.legend.colours) > 2,
        }
        for name, value in wanted.items():
            if getattr(labels, name) != value:  # each change draws the labels anew
                setattr(labels, name, value)

    def _step(self, by: int) -> None:
        if self.brush.plane:
            self.brush.step(by)

    # ---- the second view

    def _show_view(self, *, shown: bool) -> None:
        """Show the second view, in a dock between the layers and the canvas, or remove it."""
        window, is_docked = getattr(self.viewer, "window", None), self.view.parent() is not None
        if window is None or shown == is_docked:
            return
        fits = self._fits()
        if shown:
            half_px = _canvas_px(self.panel.legend) // 2
            window.add_dock_widget(self.view, name=VIEW_NAME, area="left")
            self._others = {other: other.width() for other in _other_docks(self.view)}
            dock = _put_beside(self.view, list(self._others))
            self._resize_soon({dock: self._width_px or half_px, **self._others}, fits)
        else:
            self._width_px = self.view.width()
            window.remove_dock_widget(self.view)
            self._resize_soon(self._others, fits)  # or they would take its room

    def _fits(self) -> bool:
        """Return whether the canvas shows the fused image as a whole."""
        image = None if self.session is None else self.session.image
        if image is None:
            return False
        first, last = image.corner_pixels[:, -2:]
        return bool((first <= 0).all() and (last >= np.array(self.session.source.size) - 1).all())

    def _resize_soon(self, widths_px: dict[QDockWidget, int], fits: bool) -> None:
        """Give docks a width, as soon as the layout has placed them."""
        self._resized = widths_px, fits
        self._timer.start(0)

    def _resize(self) -> None:
        (widths_px, fits), self._resized = self._resized, ({}, False)
        docks = [dock for dock in widths_px if _is_shown(dock)]
        main = docks[0].parentWidget() if docks else None
        if isinstance(main, QMainWindow):
            widths = [widths_px[dock] for dock in docks]
            main.resizeDocks(docks, widths, Qt.Orientation.Horizontal)
        if fits:
            self._fitting.start()  # once the canvas has its size


def _is_shown(dock: QDockWidget) -> bool:
    """Tell whether a dock is visible; one that was closed meanwhile is not."""
    with suppress(RuntimeError):  # Qt has deleted it
        return bool(dock.isVisible())
    return False


def _other_docks(view: QWidget) -> list[QDockWidget]:
    """Return the docks at the sides of napari's window other than that of the view."""
    dock = dock_of(view)
    main = None if dock is None else dock.parentWidget()
    if not isinstance(main, QMainWindow):
        return []
    sides = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
    return [
        other
        for other in main.findChildren(QDockWidget)
        if other is not dock
        and other.isVisible()
        and not other.isFloating()
        and main.dockWidgetArea(other) in sides
    ]


def _put_beside(view: QWidget, others: list[QDockWidget]) -> QDockWidget:
    """Move the dock of the view between the other docks on the left and the canvas; return it."""
    dock = dock_of(view)
    assert dock is not None
    main, left = dock.parentWidget(), Qt.DockWidgetArea.LeftDockWidgetArea
    if isinstance(main, QMainWindow) and left in map(main.dockWidgetArea, others):
        main.addDockWidget(left, dock, Qt.Orientation.Horizontal)
        dock.show()
    return dock


def _canvas_px(widget: QWidget) -> int:
    """Return the width of the canvas of the window in which a widget is docked, 0 without one."""
    dock = dock_of(widget)
    main = None if dock is None else dock.parentWidget()
    canvas = main.centralWidget() if isinstance(main, QMainWindow) else None
    return 0 if canvas is None else canvas.width()
