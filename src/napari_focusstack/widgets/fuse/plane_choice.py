"""Which planes are used: a row of text and tick boxes, which say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.plane_choice import choice_text, named_planes, ranges_text
from napari_focusstack.widgets.controls.workers import GeneratorWorker
from napari_focusstack.widgets.session.plane_thumbnails import Thumbnail, thumbnails

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_focusstack.widgets.fuse.layer_menus import LayerMenus
    from napari_focusstack.widgets.fuse.panel import Panel
    from napari_focusstack.widgets.session.source import Source


#: How long the sliders must rest before pictures are made of another time point, ms (convention).
REST_MS = 150


class PlaneChoice:
    """Keeps the text and the tick boxes alike, and makes the pictures of planes in a thread.

    The text is what counts: it may name planes in ways that boxes cannot, such as ``3:40:2``.
    Pictures are made once the section is open.

    Parameters
    ----------
    viewer : Viewer
        Its sliders show a plane.
    panel : Panel
        Has the text and the boxes.
    menus : LayerMenus
        The stack that is chosen there has the planes.
    """

    def __init__(self, viewer: Viewer, panel: Panel, menus: LayerMenus) -> None:
        self.viewer = viewer
        self.panel = panel
        self.menus = menus
        #: The layer and the axis whose planes are offered, and their number.
        self._offered: tuple[Image, int, int] | None = None
        #: The source whose pictures are shown or being made.
        self._pictured: Source | None = None
        self._worker: GeneratorWorker | None = None
        self._rest = QTimer(panel)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._make_pictures)
        panel.input["planes"].changed.connect(self._read)
        panel.planes.ticked.connect(self._write)
        panel.planes.clicked_plane.connect(self._show_plane)
        panel.planes_section.toggled.connect(self._make_pictures)
        for menu in (panel.axis, panel.far):
            menu.changed.connect(self.follow)

    def follow(self, *_: object) -> None:
        """Offer the planes of the chosen stack, and frame the one that the slider shows."""
        source = self.menus.source() if self.menus.stack else None
        count = 0 if source is None or len(source.layers) > 1 else source.count
        self.panel.planes_section.setVisible(count > 2)
        if count <= 2 or source is None:
            self.leave()
            self._offered = None
            return
        offered = source.layers[0], source.axis, count
        if offered != self._offered:
            self.leave()
            self._offered = offered
            self.panel.planes.offer(count)
            self._read()
        self.panel.planes.frame(source.plane_at(self.viewer.dims, "first"))
        if self._pictured != source:
            self._rest.start()

    def leave(self) -> None:
        """Make no more pictures."""
        self._rest.stop()
        self._pictured = None
        if self._worker is not None:
            self._worker.quit()
            self._worker = None

    def _read(self, *_: object) -> None:
        """Tick the planes that the text names."""
        if self._offered is None:
            return
        count = self._offered[2]
        try:
            used = named_planes(choice_text(self.panel.input["planes"].value), count)
        except InputError as error:
            self.panel.planes_used.setText(str(error))
            return
        self.panel.planes.choose(used)
        self.panel.planes_used.setText(f"{len(used)} of {count} planes are used")

    def _write(self, used: list[int]) -> None:
        """Name the planes that are ticked."""
        assert self._offered is not None  # else there is nothing to tick
        every = len(used) == self._offered[2]
        self.panel.input["planes"].value = "" if every else ranges_text(used)

    def _show_plane(self, number: int) -> None:
        """Move the slider to a plane."""
        self.menus.source().show_plane(self.viewer.dims, "first", number)

    def _make_pictures(self, *_: object) -> None:
        """Begin to make the pictures of the chosen stack, if the section is open."""
        if not self.panel.planes_section.isExpanded() or self._offered is None:
            return
        source = self.menus.source()
        if self._pictured == source:
            return
        self.leave()
        self._pictured = source
        self._worker = GeneratorWorker(thumbnails(source))
        self._worker.yielded.connect(self._show_picture)
        self.panel.destroyed.connect(self._worker.quit)
        self._worker.start()

    def _show_picture(self, made: Thumbnail) -> None:
        if made.source == self._pictured:  # not of a stack that was chosen before
            self.panel.planes.show_picture(made.number, made.pixels, made.sharpness)
