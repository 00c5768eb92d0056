"""The *Fuse focal stack* dock: what its controls do."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_focusstack.errors import InputError
from napari_focusstack.layer_planes import focus_of
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.repeat import as_command, as_python, from_record
from napari_focusstack.widgets import weights_list
from napari_focusstack.widgets.form import values
from napari_focusstack.widgets.panel import GIVEN, STACK_ALONE, Panel
from napari_focusstack.widgets.session import Session
from napari_focusstack.widgets.source import Source
from napari_focusstack.widgets.weights_list import SHIPPED, known_weights

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_focusstack.lens import Psf

#: Fuse again this long after the brush has moved, ms: strokes come in bursts.
SETTLE_MS = 20


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
        self.session = Session(napari_viewer)
        self._watched: Any = None
        self._began = 0.0
        self._brush = QTimer(self)
        self._brush.setSingleShot(True)
        self._brush.setInterval(SETTLE_MS)
        self._brush.timeout.connect(self.follow_brush)
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _=False, name=name: self._press(name))
        self.tasks.busy_changed.connect(self._enable)
        self.stack.changed.connect(self._stack_changed)
        self.psf.changed.connect(lambda *_: setattr(self.session, "psf", None))
        self.sigma_px.changed.connect(self._sigma_given)
        self.sigma_unit.changed.connect(self._sigma_given_in_unit)
        layers = napari_viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._refresh_layers)
        weights_list.changed.connect(self._refresh_weights)
        self._apply_preferences()
        self._refresh_layers()

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
        told["psf"] = self.sigma_px.value if self.psf.value == GIVEN else self.psf.value
        for network, menu in self.weights.items():
            told[f"{network}_weights"] = None if menu.value == SHIPPED else menu.value
        # pydensecrf would hold the interpreter, and with it the GUI
        return FuseParameters(**told, crf_backend="torch")

    def set_parameters(self, parameters: FuseParameters) -> None:
        """Set all controls."""
        for container in (self.input, self.foreground, self.blur, self.elimination):
            for widget in container:
                widget.value = getattr(parameters, widget.name)
        given = not isinstance(parameters.psf, str)
        self.psf.value = GIVEN if given else parameters.psf
        if given:
            self._show_sigma(float(parameters.psf))
        for network, menu in self.weights.items():
            path = getattr(parameters, f"{network}_weights")
            if path is not None and path not in known_weights(network):
                weights_list.add_weights(network, path)
            menu.value = path or SHIPPED

    # ---- buttons

    def _press(self, name: str) -> None:
        """Do what a button says; what the user can mend is said under the progress bar."""
        self._began = perf_counter()
        try:
            getattr(self, name)()
        except InputError as error:
            self.tasks.say(str(error), error=True)

    def run_all(self) -> None:
        """Segment, estimate the blur and fuse; what was painted stays on top."""
        parameters = self._prepare()
        self.tasks.run(
            self.session.run_all(parameters), lambda made: self._fused(made, segmented=True)
        )

    def segment(self) -> None:
        """Find the foreground."""
        parameters = self._prepare()
        self.tasks.run(self.session.segment(parameters), self._segmented)

    def estimate(self) -> None:
        """Measure the blur along the edge of the foreground as it is now."""
        if self.psf.value == GIVEN:
            self.psf.value = self.psf.choices[0]
        parameters = self._prepare()
        self.tasks.run(self.session.estimate(parameters), self._estimated)

    def fuse(self) -> None:
        """Fuse with the foreground and the blur at hand; find what lacks."""
        parameters = self._prepare()
        self.tasks.run(self.session.fuse(parameters), self._fused)

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        self.session.drop_fixes()

    def load_settings(self) -> None:
        """Take over the record of the selected layer, from this session or from its file."""
        layer = self.viewer.layers.selection.active
        if layer is None:
            raise InputError("no layer is selected; select one that a fusion made.")
        told = focus_of(layer).get("record")
        if told is None and layer.source.path:
            from napari_focusstack.io.writer import read_record

            told = read_record(layer.source.path)
        if told is None:
            raise InputError(f"layer {layer.name!r} holds no settings; select one that we made.")
        self.set_parameters(from_record(told))
        self.tasks.say(f"settings of {layer.name!r} loaded")

    def copy_python(self) -> None:
        """Put a line for napari's console on the clipboard."""
        labels = self.session.painted_expression()
        self._copy(as_python(self.parameters(), self.source().expressions(), labels))

    def copy_command(self) -> None:
        """Put a line for a shell on the clipboard."""
        files = self.source().files()
        labels = self.session.painted_expression() and f"{self.source().name} foreground.tif"
        self._copy(as_command(self.parameters(), files, f"{self.source().name} fused.tif", labels))

    def _copy(self, text: str) -> None:
        QApplication.clipboard().setText(text)
        self.tasks.say(f"copied: {text}")

    # ---- what tasks return

    def _prepare(self) -> FuseParameters:
        parameters, source = self.parameters(), self.source()
        if source != self.session.source:
            # what was found of another source is forgotten, its layers stay
            self.session = Session(self.viewer, source)
        return parameters

    def _segmented(self, found: Any) -> None:
        self.session.show_labels(found)
        self._watch_labels()

    def _estimated(self, psf: Psf) -> None:
        self.session.psf = psf
        self._show_psf(psf)

    def _fused(self, made: Any, *, segmented: bool = False) -> None:
        self.session.show_result(made, segmented=segmented, diffusion=self.with_diffusion.value)
        self._watch_labels()
        canvas = self.session.canvas
        if canvas is None:
            return
        if canvas.psf is not None:
            self._show_psf(canvas.psf)
        near, far = canvas.pair.sources
        before = {"near plane": near, "far plane": far, "before elimination": canvas.initial}
        self.wipe.offer(self.session.image, before)
        share = 100 * float(canvas.region.mean())
        blur = (
            "no foreground edge, or no elimination: every pixel is a source pixel"
            if canvas.psf is None
            else f"sigma {canvas.psf.sigma_px:.2f} px ({canvas.psf.shape}), reblur residual "
            f"{100 * canvas.psf.residual:.2f}%, {share:.1f}% of the pixels unveiled"
        )
        self.figures.setText(
            f"{blur}; {canvas.pair.intensity.coding} light, {perf_counter() - self._began:.1f} s"
        )

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
        self.session.psf = None
        self._show_sigma(sigma_px)

    def _sigma_given_in_unit(self, sigma: float) -> None:
        size, _ = self.source().pixel if self.stack.value else (1.0, "pixel")
        self._sigma_given(sigma / size)

    # ---- the brush

    def _watch_labels(self) -> None:
        """Follow the brush in the session's Labels layer, and in no other."""
        layer = self.session.labels
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
        if self.session.labels not in self.viewer.layers:
            return
        try:
            if self.session.follow_brush(live=self.live.value and not self.tasks.busy):
                self.wipe.refresh()
        except InputError as error:
            self.tasks.say(str(error), error=True)

    # ---- keeping menus up to date

    def _layer(self, name: str | None) -> Image | None:
        return next((layer for layer in self.viewer.layers if layer.name == name), None)

    def _refresh_layers(self, *_: Any) -> None:
        from napari.layers import Image

        names = [
            layer.name
            for layer in self.viewer.layers
            if isinstance(layer, Image) and "made_from" not in focus_of(layer)
        ]
        self.stack.choices = names
        self.far.choices = [STACK_ALONE, *names]
        self._stack_changed()

    def _stack_changed(self, *_: Any) -> None:
        layer = self._layer(self.stack.value)
        if layer is None:
            return
        told = focus_of(layer)
        axes = list(range(max(1, layer.ndim - 2)))
        self.axis.choices = [(f"{axis}: {layer.axis_labels[axis]}", axis) for axis in axes]
        if told.get("focus_axis") in axes:
            self.axis.value = told["focus_axis"]
        if told.get("near") in ("first", "last"):
            self.input["near"].value = told["near"]
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
