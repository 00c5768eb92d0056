"""The parameters of a fusion, read from the dock's controls and written to them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_focusstack.parameters import FuseParameters
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.controls.device_menu import DeviceMenu
from napari_focusstack.widgets.controls.form import values
from napari_focusstack.widgets.controls.weights_menu import SHIPPED, known_weights
from napari_focusstack.widgets.fuse import preferences
from napari_focusstack.widgets.fuse.panel import GIVEN
from napari_focusstack.widgets.fuse.preferences import remember

if TYPE_CHECKING:
    from magicgui.widgets import CheckBox, ComboBox

    from napari_focusstack.widgets.fuse.layer_menus import LayerMenus
    from napari_focusstack.widgets.fuse.panel import Panel


class FuseSettings:
    """Reads parameters from controls, and sets controls to parameters.

    Parameters
    ----------
    panel : Panel
        Has the controls.
    menus : LayerMenus
        The stack that is chosen there gives the distance between planes, and the unit of sigma.
    """

    def __init__(self, panel: Panel, menus: LayerMenus) -> None:
        self.panel = panel
        self.menus = menus
        panel.sigma_px.changed.connect(self._sigma_given)
        panel.sigma_unit.changed.connect(self._sigma_given_in_unit)

    def parameters(self) -> FuseParameters:
        """Return the settings, each value checked."""
        panel = self.panel
        options: dict[str, Any] = {}
        for container in panel.forms:
            options |= values(container)
        # positions of the planes say more, and come with the stack
        if panel.stack.value and (source := self.menus.source()).positions is None:
            options["z_step"], _ = source.plane_step
        options["psf"] = panel.sigma_px.value if panel.psf.value == GIVEN else panel.psf.value
        for network, menu in panel.weights.items():
            options[f"{network}_weights"] = None if menu.value == SHIPPED else menu.value
        # pydensecrf would block the interpreter, and with it the GUI
        return FuseParameters(**options, crf_backend="torch")

    def set_parameters(self, parameters: FuseParameters) -> None:
        """Set all controls.

        Raises
        ------
        InputError
            If a file of weights is missing. Nothing is set then.
        """
        panel = self.panel
        for network in panel.weights:
            path = getattr(parameters, f"{network}_weights")
            if path is not None and path not in known_weights(network):
                weights_menu.add_weights(network, path)
        for container in panel.forms:
            for widget in container:
                value = getattr(parameters, widget.name)
                if isinstance(widget, DeviceMenu):
                    widget.choose(value)
                else:
                    widget.value = "" if value is None else value
        given = not isinstance(parameters.psf, str)
        panel.psf.value = GIVEN if given else parameters.psf
        if given:
            self.show_sigma(float(parameters.psf))
        for network, menu in panel.weights.items():
            menu.value = getattr(parameters, f"{network}_weights") or SHIPPED

    def begin_as_preferred(self) -> None:
        """Begin with the Preferences, where napari has those of this plugin."""
        preferred = preferences.preferred()
        if preferred is None:
            return
        self.panel.input["device"].choose(preferred.device)
        self.panel.input["tile_px"].value = preferred.tile_px
        # only what the user chooses is kept: files and records set menus, too
        for name, menu in self._menus().items():
            menu.native.setCurrentText(getattr(preferred, name))
            menu.native.activated.connect(partial(self._remember, name))
        for name, box in self._boxes().items():
            box.value = getattr(preferred, name)
            box.native.clicked.connect(partial(remember, name))
        # the menus of layers tick it: a stack has a depth map unless the user takes it away
        self.panel.with_depth.native.clicked.connect(self._remember_depth)

    def _menus(self) -> dict[str, ComboBox]:
        """Return the menus whose choice, in words, the next dock begins with."""
        panel = self.panel
        return {
            "near": panel.input["near"],
            "intensity": panel.input["intensity"],
            "elimination": panel.elimination["elimination"],
            "overlay": panel.overlay,
        }

    def _remember(self, name: str, _: int) -> None:
        remember(name, self._menus()[name].native.currentText())

    def _boxes(self) -> dict[str, CheckBox]:
        """Return the ticks with which the next dock begins."""
        panel = self.panel
        shown = {"diffusion": panel.with_diffusion, "sources": panel.with_sources}
        return {"live": panel.live, **shown}

    def _remember_depth(self, wanted: bool) -> None:
        """Keep whether stacks have a depth map; that of a pair says little, and is made once."""
        if self.menus.stack is None or self.menus.source().count > 2:
            remember("depth", wanted)

    # ---- sigma, in px and in the unit of the stack

    def show_sigma(self, sigma_px: float) -> None:
        """Show sigma in px and in the unit, without taking it for given by the user."""
        panel, (size, unit) = self.panel, self._pixel
        for box, value in ((panel.sigma_px, sigma_px), (panel.sigma_unit, sigma_px * size)):
            with box.changed.blocked():
                box.value = round(value, 4)
        panel.sigma_unit.label = f"sigma ({unit})"

    def _sigma_given(self, sigma_px: float) -> None:
        self.panel.psf.value = GIVEN
        self.show_sigma(sigma_px)

    def _sigma_given_in_unit(self, sigma: float) -> None:
        self._sigma_given(sigma / self._pixel[0])

    @property
    def _pixel(self) -> tuple[float, str]:
        """Size of a pixel of the stack, and its unit."""
        return self.menus.source().pixel if self.panel.stack.value else (1.0, "pixel")
