"""The *Fuse focal stack* dock: what its controls do."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_focusstack.errors import InputError
from napari_focusstack.layer_planes import focus_of
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.repeat import as_command, as_python, from_record, read_settings
from napari_focusstack.widgets import weights_list
from napari_focusstack.widgets.figures import summary
from napari_focusstack.widgets.form import values
from napari_focusstack.widgets.panel import GIVEN, STACK_ALONE, Panel
from napari_focusstack.widgets.plane_brush import PlaneBrush
from napari_focusstack.widgets.plane_labels import labels_name
from napari_focusstack.widgets.session import Session
from napari_focusstack.widgets.source import Source
from napari_focusstack.widgets.surface_view import SurfaceView
from napari_focusstack.widgets.task import parted
from napari_focusstack.widgets.weights_list import SHIPPED, known_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from napari.layers import Image
    from napari.viewer import Viewer
    from qtpy.QtCore import QEvent

    from napari_focusstack.editing import Canvas
    from napari_focusstack.lens import Psf
    from napari_focusstack.widgets.plane_labels import Found
    from napari_focusstack.widgets.steps import Fused

#: Fuse again this long after the brush has moved, ms: strokes come in bursts.
SETTLE_MS = 20
#: Files that settings can be loaded from.
SETTINGS_FILES = "Results and reports (*.tif *.tiff *.png *.json)"


class FuseWidget(Panel):
    """Dock that fuses a focal stack, step by step or at once.

    Parameters
    ----------
    napari_viewer : Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.viewer = napari_viewer
        self.session: Session | None = None
        self.plane_brush = PlaneBrush(napari_viewer, self.legend, self.buttons["pick_plane"])
        self.surface = SurfaceView(napari_viewer)
        self._chosen: Image | None = None
        self._planes = 0
        self._watched: Any = None
        self._began = self._took = 0.0
        self._named: dict[str, Image] = {}
        self._brush = QTimer(self)
        self._brush.setSingleShot(True)
        self._brush.setInterval(SETTLE_MS)
        self._brush.timeout.connect(self.follow_brush)
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _=False, name=name: self._press(name))
        self.legend.clicked.connect(
            lambda plane: self._try(lambda: self.plane_brush.paint_with(plane))
        )
        self.tasks.busy_changed.connect(self._enable)
        self.tasks.busy_changed.connect(self._brush_moved)
        self.live.changed.connect(self._brush_moved)
        self.stack.changed.connect(self._stack_changed)
        self.sigma_px.changed.connect(self._sigma_given)
        self.sigma_unit.changed.connect(self._sigma_given_in_unit)
        layers = napari_viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._refresh_layers)
        weights_list.changed.connect(self._refresh_weights)
        self._apply_preferences()
        self._refresh_layers()

    def changeEvent(self, event: QEvent | None) -> None:
        """Leave the running step, the brush and the wipe where the dock is closed."""
        if parted(self, event):
            self.tasks.cancel()
            self.wipe.offer(None, {})
            self.session = None
            self.plane_brush.follow(None)
        super().changeEvent(event)

    # ---- what the controls say

    def source(self) -> Source:
        """Return the planes that are chosen.

        Raises
        ------
        InputError
            If there is no image layer.
        """
        stack = self._layer(self.stack.value)
        if stack is None:
            raise InputError("there is no image layer; open a focal stack first.")
        far = self._layer(self.far.value)
        layers = (stack,) if far is None else (stack, far)
        return Source.shown(layers, int(self.axis.value or 0), self.viewer.dims.current_step)

    def parameters(self) -> FuseParameters:
        """Return the settings, a checked value each."""
        told: dict[str, Any] = {**values(self.input), **values(self.foreground)}
        told |= {**values(self.blur), **values(self.elimination)}
        if self.stack.value:
            told["z_step"], _ = self.source().plane_step
        told["psf"] = self.sigma_px.value if self.psf.value == GIVEN else self.psf.value
        for network, menu in self.weights.items():
            told[f"{network}_weights"] = None if menu.value == SHIPPED else menu.value
        # pydensecrf would hold the interpreter, and with it the GUI
        return FuseParameters(**told, crf_backend="torch")

    def set_parameters(self, parameters: FuseParameters) -> None:
        """Set all controls; none where the weights are missing."""
        for network in self.weights:
            path = getattr(parameters, f"{network}_weights")
            if path is not None and path not in known_weights(network):
                weights_list.add_weights(network, path)
        for container in (self.input, self.foreground, self.blur, self.elimination):
            for widget in container:
                widget.value = getattr(parameters, widget.name)
        given = not isinstance(parameters.psf, str)
        self.psf.value = GIVEN if given else parameters.psf
        if given:
            self._show_sigma(float(parameters.psf))
        for network, menu in self.weights.items():
            menu.value = getattr(parameters, f"{network}_weights") or SHIPPED

    # ---- buttons

    def _press(self, name: str) -> None:
        """Do what a button says."""
        self._began = perf_counter()
        self._try(getattr(self, name))

    def _try(self, do: Callable[[], Any]) -> None:
        """Do something; what the user can mend is said under the progress bar."""
        try:
            do()
        except InputError as error:
            self.tasks.say(str(error), error=True)

    def run_all(self) -> None:
        """Segment, estimate the blur and fuse; what was painted stays on top."""
        session, parameters = self._prepare()
        self.tasks.run(session.run_all(parameters), self._fused)

    def segment(self) -> None:
        """Find which plane is in focus where."""
        session, parameters = self._prepare()
        self.tasks.run(session.segment(parameters), self._segmented)

    def estimate(self) -> None:
        """Measure the blur along the edges of the labels as they are now."""
        if self.psf.value == GIVEN:
            self.psf.value = self.psf.choices[0]
        session, parameters = self._prepare()
        self.tasks.run(session.estimate(parameters), self._estimated)

    def fuse(self) -> None:
        """Fuse with the labels and the blur at hand; find what lacks."""
        session, parameters = self._prepare()
        self.tasks.run(session.fuse(parameters), self._fused)

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        session, _ = self._prepare()
        session.drop_fixes()
        self._watch_labels()

    def pick_plane(self) -> None:
        """Let the brush take the plane that is clicked next in the picture, or give that up."""
        if not self.buttons["pick_plane"].isChecked():
            self.plane_brush.stop_picking()
            return
        self.plane_brush.pick()
        self.tasks.say("click in the picture on what the plane shall be taken from")

    def paint_plane(self) -> None:
        """Let the brush take the plane that the slider shows."""
        plane = self.plane_brush.paint_with_shown()
        self.tasks.say(f"the brush paints plane {plane}, counted from the nearest")

    def show_surface(self) -> None:
        """Show the fused image as a surface, or the picture again."""
        button = self.buttons["show_surface"]
        if not button.isChecked():
            self.surface.hide()
            return
        button.setChecked(False)
        session, _ = self._prepare()
        if not self.surface.show(session):
            self.tasks.say("the distance between planes is not known, so the depth is only drawn")
        button.setChecked(True)

    def load_layer(self) -> None:
        """Take over the record of the selected layer, from this session or from its file."""
        layer = self.viewer.layers.selection.active
        if layer is None:
            raise InputError("no layer is selected; select one that a fusion made.")
        told = focus_of(layer).get("record")
        if told is None and layer.source.path:
            told = read_settings(layer.source.path)
        if told is None:
            raise InputError(f"layer {layer.name!r} holds no settings; select one that we made.")
        self._load(told, layer.name)

    def load_file(self) -> None:
        """Take over the record in a file that the user chooses."""
        path, _ = QFileDialog.getOpenFileName(self, "Settings of a fusion", "", SETTINGS_FILES)
        if path:
            self._load(read_settings(path), Path(path).name)

    def _load(self, told: Mapping[str, Any], name: str) -> None:
        self.set_parameters(from_record(told))
        self.tasks.say(f"settings of {name!r} loaded")

    def copy_python(self) -> None:
        """Put a line for napari's console on the clipboard."""
        session, parameters = self._prepare()
        painted = session.painted_layer()
        labels = None if painted is None else f'viewer.layers["{painted}"]'
        self._copy(as_python(parameters, session.source.expressions(parameters.near), labels))

    def copy_command(self) -> None:
        """Put a line for a shell on the clipboard."""
        session, parameters = self._prepare()
        labels = None if session.painted_layer() is None else f"{labels_name(session.source)}.tif"
        output = f"{session.source.name} fused.tif"
        self._copy(as_command(parameters, session.source.files(), output, labels))

    def _copy(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self.tasks.say(f"copied: {text}")

    # ---- what tasks return

    def _prepare(self) -> tuple[Session, FuseParameters]:
        """Return the session of what is chosen, a new one where another was, and the settings."""
        parameters, source = self.parameters(), self.source()
        session = self.session
        if session is None or (source, parameters.near) != (session.source, session.near):
            session = self.session = Session(self.viewer, source, parameters.near)
            self.plane_brush.follow(session)
        return session, parameters

    def _segmented(self, found: Found) -> None:
        if self.session is not None:
            self.session.show_labels(found)
            self._watch_labels()

    def _estimated(self, found: Found) -> None:
        if self.session is not None:
            self.session.show_psf(found)
        if found.psf is not None:
            self._show_psf(found.psf)

    def _fused(self, made: Fused) -> None:
        session = self.session
        if session is None:
            return
        session.show_result(made, diffusion=self.with_diffusion.value, depth=self.with_depth.value)
        self._took = perf_counter() - self._began
        self._watch_labels()
        if made.canvas.psf is not None:
            self._show_psf(made.canvas.psf)
        if session.diagnosis is not None:
            sharpness = session.diagnosis.sharpness.tolist()
            self.sharpness.set("sharpness", range(1, len(sharpness) + 1), sharpness)
        self.wipe.offer(session.image, _to_compare(made.canvas))
        self._show_figures()

    def _show_figures(self) -> None:
        if self.session is not None and self.session.canvas is not None:
            self.figures.setText(summary(self.session, self._took))

    def _show_psf(self, psf: Psf) -> None:
        from napari_focusstack.optics import psf as kernel

        self._show_sigma(psf.sigma_px)
        if psf.curve:
            sigmas, residuals = zip(*psf.curve, strict=True)
            self.residual.set("residual", sigmas, [100 * residual for residual in residuals])
        profile = kernel(psf.sigma_px, psf.shape)
        middle = profile.shape[0] // 2
        row = profile[middle].tolist()
        self.kernel.set("kernel", [x - middle for x in range(len(row))], row)

    def _show_sigma(self, sigma_px: float) -> None:
        size, unit = self.source().pixel if self.stack.value else (1.0, "pixel")
        for spin, value in ((self.sigma_px, sigma_px), (self.sigma_unit, sigma_px * size)):
            with spin.changed.blocked():
                spin.value = round(value, 4)
        self.sigma_unit.label = f"sigma ({unit})"

    def _sigma_given(self, sigma_px: float) -> None:
        self.psf.value = GIVEN
        self._show_sigma(sigma_px)

    def _sigma_given_in_unit(self, sigma: float) -> None:
        size, _ = self.source().pixel if self.stack.value else (1.0, "pixel")
        self._sigma_given(sigma / size)

    # ---- the brush

    def _watch_labels(self) -> None:
        """Follow the brush in the session's Labels layer, and in no other."""
        layer = None if self.session is None else self.session.labels
        self.plane_brush.follow(self.session)
        if layer is self._watched:
            return
        self._watched = layer
        if layer is not None:
            for event in (layer.events.labels_update, layer.events.set_data, layer.events.paint):
                event.connect(self._brush_moved)

    def _brush_moved(self, *_: Any) -> None:
        self._brush.start()

    def follow_brush(self) -> None:
        """Fuse again around what was painted since last time, if the switch is on."""
        if self.session is not None and self.session.labels in self.viewer.layers:
            self._try(self._fuse_again)

    def _fuse_again(self) -> None:
        live = self.live.value and not self.tasks.busy
        if self.session is not None and self.session.follow_brush(live=live):
            self.wipe.refresh()
            self._show_figures()

    # ---- keeping menus up to date

    def _layer(self, name: str | None) -> Image | None:
        return next((layer for layer in self.viewer.layers if layer.name == name), None)

    def _refresh_layers(self, *_: Any) -> None:
        """Offer the image layers that are there; what was chosen stays, by a new name too."""
        from napari.layers import Image

        chosen = [(menu, self._named.get(menu.value)) for menu in (self.stack, self.far)]
        self._named = {
            layer.name: layer
            for layer in self.viewer.layers
            if isinstance(layer, Image) and "made_from" not in focus_of(layer)
        }
        self.stack.choices = list(self._named)
        self.far.choices = [STACK_ALONE, *self._named]
        for menu, layer in chosen:
            if layer in self._named.values():
                menu.value = layer.name
        if self.session is not None:
            self.session.layers.renamed()
        self._stack_changed()

    def _stack_changed(self, *_: Any) -> None:
        layer = self._layer(self.stack.value)
        if layer is None:
            return
        told = focus_of(layer)
        axes = list(range(max(1, layer.ndim - 2)))
        self.axis.choices = [(f"{axis}: {layer.axis_labels[axis]}", axis) for axis in axes]
        if layer is not self._chosen:
            self._chosen = layer
            if told.get("focus_axis") in axes:
                self.axis.value = told["focus_axis"]
            if told.get("near") in self.input["near"].choices:
                self.input["near"].value = told["near"]
        planes = self.source().count
        if planes != self._planes:
            self._planes = planes
            self.with_depth.value = planes > 2
        self._show_sigma(self.sigma_px.value)

    def _refresh_weights(self, network: str) -> None:
        self.weights[network].reset_choices()

    def _enable(self, busy: bool) -> None:
        for button in self.buttons.values():
            button.setEnabled(not busy)

    def _apply_preferences(self) -> None:
        """Begin with what the Preferences say, where napari knows of this plugin."""
        from napari.settings import get_plugin_settings

        try:
            chosen = get_plugin_settings("napari-focusstack").fusing
        except KeyError:
            return
        self.input["device"].value = chosen.device
        self.input["tile_px"].value = chosen.tile_px
        self.live.value = chosen.live


def _to_compare(canvas: Canvas) -> dict[str, np.ndarray]:
    """Return what a fused image can be compared with, by name."""
    planes = canvas.stack.sources
    names = [f"plane {number}" for number in range(1, len(planes) + 1)]
    names[0], names[-1] = (
        ("near plane", "far plane")
        if len(planes) == 2
        else (f"{names[0]} (near)", f"{names[-1]} (far)")
    )
    return {**dict(zip(names, planes, strict=True)), "before elimination": canvas.initial}
