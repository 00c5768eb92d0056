"""The fused image over its depth, as a surface in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.io.reading.calibration import UNKNOWN

if TYPE_CHECKING:
    from napari.layers import Layer, Surface
    from napari.viewer import Viewer

    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source


#: Depth of a stack whose plane distance is not known, as a share of the image's shorter side
#: (convention: it looks natural).
DEPTH_SHARE = 0.4
#: First rotation of the surface, degrees, so that its depth is visible (convention).
TILT_DEGREES = (0.0, 25.0, 0.0)
#: Keywords of a layer that turn it.
TURNED = ("rotate", "shear", "affine")


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
        #: Layers that were visible before.
        self._visible: list[Layer] = []
        self._orientation: Any = None

    def show(self, session: Session) -> bool:
        """Show only the surface of the fused image; tell whether its depth is to scale.

        Raises
        ------
        InputError
            If nothing is fused yet.
        """
        self.hide()
        from napari_focusstack.surface.napari_mesh import napari_surface
        from napari_focusstack.surface.triangulation import surface_of
        from napari_focusstack.widgets.session.result_layers import moved_to

        source = session.source
        result = session.result
        depth, image = result.depth, result.image
        keywords = source.beside()
        if result.region is not None:
            keywords["translate"] = moved_to(result.region, keywords)
        start, step = source.nearest(session.end)
        _, unit = source.plane_step
        depth, to_scale = drawn_depth(depth, source)
        start = start if to_scale else 0.0
        spacing = (1.0 if step > 0 else -1.0, *keywords["scale"])
        data, look = napari_surface(surface_of(depth, image, spacing), image)
        self._visible = [layer for layer in self.viewer.layers if layer.visible]
        for layer in self._visible:
            layer.visible = False
        self.layer = self.viewer.add_surface(
            data,
            name=f"{source.name} surface",
            translate=(start, *keywords["translate"]),
            units=(unit, *keywords["units"]),
            axis_labels=("z", *keywords["axis_labels"]),
            **{name: with_depth(keywords[name]) for name in TURNED if name in keywords},
            metadata={
                "focusstack": {"made_from": source.metadata()["made_from"], "shows": "surface"}
            },
            **look,
        )
        self.viewer.dims.ndisplay = 3
        camera = self.viewer.scene.camera
        self._orientation = camera.orientation
        camera.orientation = ("away" if step > 0 else "towards", *camera.orientation[1:])
        self.viewer.reset_view()
        camera.angles = TILT_DEGREES
        return to_scale

    def hide(self) -> None:
        """Remove the surface, and show the layers that were visible before."""
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


def drawn_depth(depth: np.ndarray, source: Source) -> tuple[np.ndarray, bool]:
    """Return a depth map in the unit of rows and columns, and whether that is to scale.

    Where the distance between planes is not known, depth is as deep as looks natural.
    """
    step, unit = source.plane_step
    if unit != UNKNOWN:
        return depth, True
    pixel = source.beside()["scale"]
    shorter = min(size * scale for size, scale in zip(depth.shape, pixel, strict=True))
    return depth * (DEPTH_SHARE * shorter / ((source.count - 1) * step)), False


def with_depth(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix of rows and columns as one that leaves a first axis, depth, as it is."""
    return np.pad(matrix, ((1, 0), (1, 0))) + np.diag([1.0, *[0.0] * len(matrix)])
