"""The menus of the viewer's layers, of their axes and of their channels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.planes.layer_axes import is_beside
from napari_focusstack.planes.layer_planes import focus_axis_of, focus_of
from napari_focusstack.widgets.fuse.merge_images import alike, merge
from napari_focusstack.widgets.fuse.panel import STACK_ALONE
from napari_focusstack.widgets.fuse.preferences import remembered
from napari_focusstack.widgets.session.source import Source
from napari_focusstack.widgets.session.tasks import Channels

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from napari_focusstack.widgets.fuse.panel import Panel


class LayerMenus:
    """Keeps the dock's menus up to date with the layers that can be fused.

    Parameters
    ----------
    viewer : Viewer
        Its image layers are offered, except results of a fusion.
    panel : Panel
        Has the menus.

    Attributes
    ----------
    successor : Image or None
        The stack that was chosen here in place of one that was closed.
    """

    def __init__(self, viewer: Viewer, panel: Panel) -> None:
        self.viewer = viewer
        self.panel = panel
        self.successor: Image | None = None
        #: Layers that are offered, by the name that the menus show.
        self._named: dict[str, Image] = {}
        #: The stack whose axes are offered, and its number of planes.
        self._chosen: Image | None = None
        self._planes = 0
        #: Whether the scale bar was switched on here.
        self._has_scaled = False
        #: The nearest plane that was chosen before a layer with one of its own was shown.
        self._near_before: str | None = None
        panel.input["near"].native.activated.connect(self._near_chosen)
        for menu in (panel.far, panel.axis):
            menu.changed.connect(self._offer_others)

    # ---- what the user chose

    @property
    def stack(self) -> Image | None:
        """The layer chosen as focal stack, if it exists."""
        return self._layer(self.panel.stack.value)

    def source(self) -> Source:
        """Return the chosen planes.

        Raises
        ------
        InputError
            If there is no image layer.
        """
        stack, far = self.stack, self._layer(self.panel.far.value)
        if stack is None:
            raise InputError("there is no image layer; open a focal stack first.")
        layers = (stack,) if far is None else (stack, far)
        return Source.shown(layers, int(self.panel.axis.value or 0), self.viewer.dims.point)

    def check(self) -> None:
        """Raise InputError if one layer is chosen as both planes."""
        if self.stack is not None and self.stack is self._layer(self.panel.far.value):
            raise InputError(
                f"layer {self.stack.name!r} is chosen as near and as far plane; choose another as "
                "one of them."
            )

    def channels_of(self, source: Source) -> Channels:
        """Return the other channels of a source: along its channel axis, and in other layers."""
        menu = self.panel.channels
        layers = [
            replace(source, layers=(layer,))
            for name in menu.chosen
            if (layer := self._layer(name)) is not None
        ]
        others = [one for each in layers for one in (each, *each.other_channels())]
        return Channels((*source.other_channels(), *others), menu.together)

    def _layer(self, name: str | None) -> Image | None:
        return next((layer for layer in self.viewer.layers if layer.name == name), None)

    # ---- what the menus offer

    def refresh(self) -> None:
        """Offer the present image layers; a chosen layer stays chosen, also when it is renamed."""
        from napari.layers import Image

        stack, far = (self._named.get(each.value) for each in (self.panel.stack, self.panel.far))
        self._named = {
            layer.name: layer
            for layer in self.viewer.layers
            if isinstance(layer, Image) and "made_from" not in focus_of(layer)
        }
        # a chosen stack may choose its far plane at once
        self.panel.far.choices = [STACK_ALONE, *self._named]
        self.panel.stack.choices = list(self._named)
        named = self._named.values()
        if stack is not None and stack in named:
            self.panel.stack.value = stack.name
        if far is not None and far in named and far is not self.stack:  # the near one may be gone
            self.panel.far.value = far.name
        stacks = [name for name, layer in self._named.items() if layer.ndim > 2]
        if stacks and stack not in named:  # an overview is no stack
            self.panel.stack.value = stacks[0]
        if stack is not None and stack not in named:
            self.successor = self.stack

    def follow_stack(self) -> None:
        """Offer the axes of the chosen stack; of a new stack, choose what its metadata say."""
        layer, panel = self.stack, self.panel
        if layer is None:
            return
        axes = list(range(max(1, layer.ndim - 2)))
        panel.axis.choices = [(f"{axis}: {layer.axis_labels[axis]}", axis) for axis in axes]
        partner, is_new = self._partner(layer), layer is not self._chosen
        if is_new or (layer.ndim == 2 and panel.far.value == STACK_ALONE):
            panel.far.value = STACK_ALONE if partner is None else partner
        images = len(self._single_images())
        panel.merge.setVisible(images > 2)
        panel.merge.setText(f"Make one stack of {images} images")
        is_pair = layer.ndim == 2 or panel.far.value != STACK_ALONE
        panel.far_row.setVisible(is_pair)
        panel.name_stack(is_pair=is_pair)
        panel.axis_row.setVisible(len(axes) > 1 and layer.ndim > 2)
        if is_new:
            self._chosen = layer
            panel.input["planes"].value = ""  # they were chosen in another stack
            self._show_scale(known=str(layer.units[-1]) != UNKNOWN)
            if (axis := focus_axis_of(layer)) in axes:
                panel.axis.value = axis
            self._show_near(focus_of(layer).get("near"))
        self._offer_others()
        planes = self.source().count
        if planes != self._planes:
            self._planes = planes
            panel.with_depth.value = planes > 2 and remembered("depth", True)

    def _show_near(self, own: str | None) -> None:
        """Choose the nearest plane that a layer names itself, and no longer that of another one."""
        menu = self.panel.input["near"]
        if own in menu.choices:
            self._near_before = self._near_before or menu.value
            menu.value = own
        elif self._near_before is not None:
            menu.value, self._near_before = self._near_before, None

    def _near_chosen(self, *_: object) -> None:
        """Keep what the user chooses, whatever the next layer names."""
        self._near_before = None

    def _show_scale(self, *, known: bool) -> None:
        """Switch the scale bar on where the stack is calibrated, and off again where not."""
        bar = self.viewer.canvas.overlays.scale_bar
        if known and not bar.visible:
            bar.visible = self._has_scaled = True
        elif not known and self._has_scaled:
            bar.visible = self._has_scaled = False

    def _partner(self, layer: Image) -> str | None:
        """Return the name of another image of the size of a single image: its far plane."""
        if layer.ndim > 2:
            return None
        return next(
            (
                name
                for name, other in self._named.items()
                if other is not layer
                and (other.data.shape, other.rgb) == (layer.data.shape, layer.rgb)
            ),
            None,
        )

    def swap(self) -> None:
        """Take the near plane for the far one, and the far one for the near one."""
        near, far = self.panel.stack.value, self.panel.far.value
        if far != STACK_ALONE:
            self.panel.stack.value, self.panel.far.value = far, near

    def merge(self) -> None:
        """Put one stack in the place of the single images that are like the chosen one."""
        images = self._single_images()
        if len(images) > 2:
            self.panel.stack.value = merge(self.viewer, images).name

    def _single_images(self) -> list[Image]:
        layer = self.stack
        return [] if layer is None else alike(layer, self._named.values())

    def _offer_others(self, *_: Any) -> None:
        """Offer other channels and all time points, where there are any."""
        layer = self.stack
        if layer is None:
            return
        source, path = self.source(), focus_of(layer).get("path")
        beside = [
            name
            for name, other in self._named.items()
            if len(source.layers) == 1 and layer.ndim > 2 and is_beside(layer, other)
        ]
        usual = [
            name
            for name in beside
            if path is not None and focus_of(self._named[name]).get("path") == path
        ]
        self.panel.channels.offer(beside, usual)
        self.panel.channels_row.setVisible(bool(beside) or source.channel_axis is not None)
        self.panel.buttons["fuse_series"].setVisible(len(source.time_points()) > 1)
