"""The fused image over its depth, as a surface in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_focusstack.io.reading.calibration import UNKNOWN

if TYPE_CHECKING:
    from napari.layers import Layer, Surface
    from napari.viewer import Viewer

    from napari_focusstack.widgets.session.session import Session


#: Depth of a stack whose plane distance nobody knows, as a share of the image's shorter side.
DEPTH_SHARE = 0.4
#: How the surface is turned at first, so that its depth is seen.
TILT_DEGREES = (0.0, 25.0, 0.0)


class SurfaceView:
    """Switches between the picture and the surface.

    Parameters
    ----------
    viewer : Viewer
        Where the surface is shown.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.layer: Surface | None = None
        #: What was visible before.
        self._visible: list[Layer] = []
        self._orientation: Any = None

    def show(self, session: Session) -> bool:
        """Show the surface of what is fused, and nothing else; tell whether its depth is measured.

        Raises
        ------
        InputError
            If nothing is fused yet.
        """
        self.hide()
        from napari_focusstack.surface.napari_mesh import napari_surface
        from napari_focusstack.surface.triangulation import surface_of

        source = session.source
        depth, image = session.depth(), session.result.image
        over = source.beside()
        start, step = source.nearest(session.end)
        step_size, unit = source.plane_step
        measured = unit != UNKNOWN
        if not measured:
            most = (source.count - 1) * step_size
            shorter = min(
                size * scale for size, scale in zip(image.shape, over["scale"], strict=False)
            )
            depth, start = depth * (DEPTH_SHARE * shorter / most), 0.0
        spacing = (1.0 if step > 0 else -1.0, *over["scale"])
        data, look = napari_surface(surface_of(depth, image, spacing), image)
        self._visible = [layer for layer in self.viewer.layers if layer.visible]
        for layer in self._visible:
            layer.visible = False
        self.layer = self.viewer.add_surface(
            data,
            name=f"{source.name} surface",
            translate=(start, *over["translate"]),
            units=(unit, *over["units"]),
            axis_labels=("z", *over["axis_labels"]),
            metadata={"focusstack": {"made_from": source.told()["made_from"], "shows": "surface"}},
            **look,
        )
        self.viewer.dims.ndisplay = 3
        camera = self.viewer.scene.camera
        self._orientation = camera.orientation
        camera.orientation = ("away" if step > 0 else "towards", *camera.orientation[1:])
        self.viewer.reset_view()
        camera.angles = TILT_DEGREES
        return measured

    def hide(self) -> None:
        """Take the surface away and show again what was visible before."""
        if self.layer is None:
            return
        if self.layer in self.viewer.layers:
            self.viewer.layers.remove(self.layer)
        self.layer = None
        self.viewer.scene.camera.orientation = self._orientation
        self.viewer.dims.ndisplay = 2
        for layer in self._visible:
            if layer in self.viewer.layers:
                layer.visible = True
        self._visible = []
