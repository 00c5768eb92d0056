"""The *Fuse focal stack* dock: what its buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from qtpy.QtWidgets import QApplication

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.reproduce import from_record
from napari_focusstack.parameters import ProjectionParameters
from napari_focusstack.runtime.plane_choice import chosen_planes, ranges_text
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.controls.dock_title import title_dock
from napari_focusstack.widgets.controls.form import values
from napari_focusstack.widgets.controls.task_bar import was_undocked
from napari_focusstack.widgets.fuse.controller import FuseSteps
from napari_focusstack.widgets.fuse.export_movie import ask_movie, exporting
from napari_focusstack.widgets.fuse.layer_menus import LayerMenus
from napari_focusstack.widgets.fuse.many_stacks import FuseMany
from napari_focusstack.widgets.fuse.panel import BUTTONS, Panel
from napari_focusstack.widgets.fuse.plane_choice import PlaneChoice
from napari_focusstack.widgets.fuse.preferences import remember, remembered
from napari_focusstack.widgets.fuse.projection import projecting, show_projections
from napari_focusstack.widgets.fuse.run_record import (
    ask_record,
    command_of,
    python_of,
    record_of_layer,
)
from napari_focusstack.widgets.fuse.save_results import ask_items, saving
from napari_focusstack.widgets.fuse.settings import FuseSettings
from napari_focusstack.widgets.fuse.slabs import fusing_slabs, show_slabs
from napari_focusstack.widgets.fuse.sort_planes import sorted_stack
from napari_focusstack.widgets.fuse.surface_view import SurfaceView
from napari_focusstack.widgets.retouch import shortcuts
from napari_focusstack.widgets.session.label_layer import saved_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari.layers import Labels
    from napari.viewer import Viewer
    from qtpy.QtCore import QEvent

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.widgets.fuse.verdict import Finding
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source


#: Buttons that run a step; the others are the dock's own.
STEPS = ("run_all", "preview", "segment", "drop_fixes", "estimate", "fuse", "fuse_series")
#: Tooltips of the buttons that compare.
COMPARE_TIPS = {
    "blink": "while held down: show it in place of the fused image",
    "wipe": "show it left of a line, which is dragged in the picture",
}
#: What is said until a plane is picked.
PICK_HINT = "click in the picture on the plane that the brush shall paint"


def _paints(plane: int) -> str:
    return f"the brush paints plane {plane}, counted from the nearest"


class FuseWidget(Panel):
    """Dock that fuses a focal stack, step by step or at once.

    Parameters
    ----------
    napari_viewer : Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        title_dock(self, "Fuse focal stack")
        self.viewer = napari_viewer
        self.menus = LayerMenus(napari_viewer, self)
        self.settings = FuseSettings(self, self.menus)
        self.steps = FuseSteps(napari_viewer, self, self.menus, self.settings)
        self.plane_choice = PlaneChoice(napari_viewer, self, self.menus)
        self.surface = SurfaceView(napari_viewer)
        #: Labels from files whose settings were loaded.
        self._loaded: WeakSet[Labels] = WeakSet()
        #: The table of *Fuse many...*, once it was opened.
        self.many: FuseMany | None = None
        #: Where results were saved last.
        self.folder = remembered("folder", "")
        for name, button in self.buttons.items():
            do = getattr(self.steps if name in STEPS else self, name)
            button.clicked.connect(lambda _=False, do=do: self._try(do))
        self.buttons["pick_plane"].toggled.connect(self._picking)
        self.swap.clicked.connect(self.menus.swap)
        self.merge.clicked.connect(self.menus.merge)
        self.legend.clicked.connect(lambda plane: self._try(lambda: self._paint_with(plane)))
        self.wipe.blink_button.pressed.connect(lambda: self.act("blink", pressed=True))
        self.wipe.blink_button.released.connect(lambda: self.act("blink", pressed=False))
        self.verdict.acted.connect(lambda finding: self._try(lambda: self._remedy(finding)))
        self.tasks.busy_changed.connect(self._enable)
        self.stack.changed.connect(self._stack_chosen)
        for menu in (self.far, self.axis):
            menu.changed.connect(self._planes_chosen)
        self.input["planes"].changed.connect(self._stack_shown)
        layers = napari_viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._layers_changed)
        napari_viewer.dims.events.point.connect(self._stack_shown)
        weights_menu.changed.connect(self._weights_changed)
        shortcuts.register(self)
        shortcuts.on_change(self._name_keys)
        self._name_keys()
        self.settings.begin_as_preferred()
        self._layers_changed()

    def changeEvent(self, event: QEvent | None) -> None:
        """Cancel the running step, and leave the brush and the wipe, where the dock is closed."""
        if was_undocked(self, event):
            shortcuts.unregister(self)
            self.steps.leave()
            self.plane_choice.leave()
            self.viewer.dims.events.point.disconnect(self._stack_shown)
        super().changeEvent(event)

    @property
    def session(self) -> Session | None:
        """The session of the stack on which the last step ran."""
        return self.steps.session

    def source(self) -> Source:
        """Return the chosen planes; InputError if there is no image layer."""
        return self.menus.source()

    def parameters(self) -> FuseParameters:
        """Return the settings, each value checked."""
        return self.settings.parameters()

    def follow_brush(self) -> None:
        """Fuse again around what was painted since the last time, if *follow the brush* is on."""
        self.steps.follow_brush()

    # ---- buttons

    def _try(self, do: Callable[[], Any]) -> None:
        """Do something; the sentence of an InputError is shown under the progress bar."""
        try:
            do()
        except InputError as error:
            self.tasks.say(str(error), error=True)

    def retouch(self) -> None:
        """Begin retouching, or end it."""
        button = self.buttons["retouch"]
        button.setChecked(self.steps.retouch.active)  # as it was, if it cannot begin
        self._find_session()
        self.steps.retouch.toggle()

    def pick_plane(self) -> None:
        """Choose for the brush the plane that is clicked next in the picture, or stop picking."""
        button = self.buttons["pick_plane"]
        if not button.isChecked():
            self.steps.retouch.brush.stop_picking()
            return
        button.setChecked(False)  # until it can begin
        self._begin_retouch()
        self.steps.retouch.brush.pick()
        self.tasks.say(PICK_HINT)

    def _picking(self, on: bool) -> None:
        """Say what was picked, in place of how to pick."""
        if not on and self.tasks.message.text() == PICK_HINT:
            brush = self.steps.retouch.brush
            painting = brush.labels is not None and brush.labels.mode == "paint"
            self.tasks.say(_paints(brush.plane) if painting else "")

    def paint_plane(self) -> None:
        """Choose for the brush the plane that the slider shows."""
        self._begin_retouch()
        plane = self.steps.retouch.brush.paint_with_shown()
        self.tasks.say(_paints(plane))

    def _paint_with(self, plane: int) -> None:
        """Choose for the brush a plane of the colour bar."""
        self._begin_retouch()
        self.steps.retouch.brush.paint_with(plane)

    def _begin_retouch(self) -> None:
        """Begin retouching where there is a fused image; labels alone can be painted, too."""
        self._find_session()
        session = self.session
        if session is None or session.canvas is None or session.image is None:
            return
        if not self.steps.retouch.active:
            self.steps.retouch.begin()

    def _find_session(self) -> None:
        """Retouch the layers that the chosen stack has from earlier."""
        if self.steps.retouch.session is None and not self.tasks.busy:
            self.steps.prepare()

    def act(self, name: str, *, pressed: bool) -> None:
        """Do what a key asks for, as it is pressed; and, for blink, as it is released."""
        retouch = self.steps.retouch
        match name:
            case "retouch":
                self._try(self.retouch)
            case "pick_plane":
                self._try(self._pick_at_cursor)
            case "paint_plane":
                self._try(self.paint_plane)
            case "blink":
                retouch.blink(on=pressed)
            case "wipe" if self.wipe.images:
                self.wipe.wipe_button.toggle()

    def _pick_at_cursor(self) -> None:
        """Choose for the brush the plane under the cursor."""
        self._begin_retouch()
        plane = self.steps.retouch.brush.pick_at_cursor()
        if plane is not None:
            self.tasks.say(_paints(plane))

    def show_surface(self) -> None:
        """Show the fused image as a surface, or the picture again."""
        button = self.buttons["show_surface"]
        if not button.isChecked():
            self.surface.hide()
            return
        button.setChecked(False)
        if not self.surface.show(self.steps.finished()):
            self.tasks.say("the distance between planes is not known, so the depth is not to scale")
        button.setChecked(True)

    def save(self) -> None:
        """Save all results into a folder, or one into a file."""
        session = self.steps.finished()
        items = ask_items(session, self, self.folder)
        if not items:
            return
        first = items[0].path
        self.folder = str(first.parent if len(items) == 1 else first.parent.parent)
        remember("folder", self.folder)
        where = first if len(items) == 1 else f"{len(items)} results in {first.parent}"
        self.tasks.run(saving(items, session), lambda _: self.tasks.say(f"saved {where}"))

    def export_movie(self) -> None:
        """Write a movie of the surface or of the planes."""
        session = self.steps.finished()
        chosen = ask_movie(session, self, self.folder)
        if chosen is None:
            return
        path, kind = chosen
        self.folder = str(path.parent)
        remember("folder", self.folder)
        self.tasks.run(
            exporting(path, kind, session),
            lambda frames: self.tasks.say(f"saved {path}, {frames} frames"),
        )

    def project(self) -> None:
        """Project the planes around the surface."""
        session, _ = self.steps.prepare()
        given = {name: value for name, value in values(self.projection).items() if value}
        projection = ProjectionParameters(**given)
        self.tasks.run(
            projecting(session, projection),
            lambda made: show_projections(self.viewer, made, projection),
        )

    def fuse_slabs(self) -> None:
        """Fuse slabs of the stack."""
        session, parameters = self.steps.prepare()
        slab = values(self.slabs)["slab"] or ""
        self.tasks.run(
            fusing_slabs(session, parameters, slab),
            lambda made: show_slabs(self.viewer, session.source, made, parameters, slab),
        )

    def fuse_many(self) -> None:
        """Open the table of stacks that are fused one by one."""
        if self.many is None:
            self.many = FuseMany(self.parameters, self.folder, self)
        self.many.show()
        self.many.raise_()

    def load_layer(self) -> None:
        """Set the dock by the record of the selected layer, or of the file that it came from."""
        layer = self.viewer.layers.selection.active
        self._load(record_of_layer(layer), layer.name)

    def load_file(self) -> None:
        """Set the dock by the record in a file that the user chooses."""
        chosen = ask_record(self)
        if chosen is not None:
            self._load(*chosen)

    def _load(self, record: Mapping[str, Any], name: str) -> None:
        self.settings.set_parameters(from_record(record))
        self.tasks.say(f"settings of {name!r} loaded")

    def copy_python(self) -> None:
        """Put lines for napari's console on the clipboard."""
        self._copy(python_of(*self.steps.prepare()), "copied for napari's console")

    def copy_command(self) -> None:
        """Put a line for a shell on the clipboard."""
        line, note = command_of(*self.steps.prepare())
        self._copy(line, f"copied for a shell; {note}" if note else "copied for a shell")

    def _remedy(self, finding: Finding) -> None:
        """Do what a finding asks for, and fuse again."""
        match finding.action:
            case "swap_ends":
                near = "last" if self.session is None or self.session.end == "first" else "first"
                self.input["near"].value = near
            case "equalise":
                self.input["equalize"].value = "auto"
            case "leave_out":
                self._leave_out(finding.planes)
            case "sort":
                self._sort(finding.planes)
        self.steps.run_all()

    def _leave_out(self, planes: Sequence[int]) -> None:
        """Choose all planes of the layer that are chosen now but some."""
        chosen = chosen_planes(self.parameters().planes, self.source().count)
        self.input["planes"].value = ranges_text([n for n in chosen if n not in planes])

    def _sort(self, order: Sequence[int]) -> None:
        """Choose a new layer with the planes of the layer in an order."""
        source = self.source()
        sorted_layer = sorted_stack(self.viewer, source.layers[0], source.axis, order)
        self.input["planes"].value = ""
        self.stack.value = sorted_layer.name

    def _copy(self, text: str, said: str) -> None:
        """Put a text on the clipboard, and say so."""
        QApplication.clipboard().setText(text)
        self.tasks.say(said)

    # ---- events from outside the dock

    def _layers_changed(self, *_: Any) -> None:
        self.menus.refresh()
        if self.session is not None:
            self.session.layers.rename_source()
        self._stack_changed()

    def _stack_chosen(self, *_: Any) -> None:
        self._say_nothing()
        self._stack_changed()

    def _planes_chosen(self, *_: Any) -> None:
        self._say_nothing()
        self._stack_shown()

    def _say_nothing(self) -> None:
        """Take away what was said of other planes."""
        if not self.tasks.busy:
            self.tasks.say("")

    def _stack_changed(self, *_: Any) -> None:
        self.menus.follow_stack()
        self._stack_shown()
        self._load_saved()

    def _stack_shown(self, *_: Any) -> None:
        """Show what is known of the chosen stack at the sliders' place, and of no other."""
        self.steps.show_stack()
        self.plane_choice.follow()

    def _load_saved(self) -> None:
        """Load the settings of labels that were opened beside their stack, once."""
        if self.menus.stack is None:
            return
        labels = saved_labels(self.viewer, self.menus.source())
        if labels is not None and labels not in self._loaded:
            self._loaded.add(labels)
            self._try(lambda: self._load(record_of_layer(labels), labels.name))

    def _weights_changed(self, network: str) -> None:
        self.weights[network].reset_choices()

    def _name_keys(self, *_: Any) -> None:
        """Name in tooltips the keys that do what buttons do."""
        buttons = {**self.buttons, "blink": self.wipe.blink_button, "wipe": self.wipe.wipe_button}
        tips = {name: tip for name, (_, tip) in BUTTONS.items()} | COMPARE_TIPS
        for name in shortcuts.ACTIONS:
            buttons[name].setToolTip(shortcuts.described(name, tips[name]))

    def _enable(self, busy: bool) -> None:
        for button in self.buttons.values():
            button.setEnabled(not busy)
        if not busy:
            self._stack_shown()  # of a step that failed nothing else is said
