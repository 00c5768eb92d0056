"""A preview: what the settings make of a part of the picture, before a long run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.widgets.session.result_layers import moved_to

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.runtime.progress import Progress
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import Task


#: Most pixels of all planes of a preview: less than 2 s of a core. Measured on a pair and on stacks
#: of 8, 13 and 28 planes.
MOST_PIXELS = 240_000
#: Most pixels of one plane, for what a fusion takes whatever the number of planes.
MOST_IN_PLANE = 60_000


def preview_region(viewer: ViewerModel, source: Source) -> Region:
    """Return the rows and columns to preview, no more than take some seconds.

    It is the middle of a rectangle that is drawn in the selected Shapes layer, else of what is
    visible, else of the picture.
    """
    from napari.layers import Image, Shapes

    layer, size = source.layers[0], np.array(source.size)
    active = viewer.layers.selection.active
    if isinstance(active, Shapes) and len(active.data):
        places = [layer.world_to_data(active.data_to_world(at))[-2:] for at in active.data[-1]]
        corners = np.array([np.min(places, 0), np.max(places, 0)])
    else:
        corners = np.array(layer.corner_pixels)[:, -2:]
        over = [
            each
            for each in viewer.layers
            if isinstance(each, Image) and each.visible and each.name != _name(source)
        ]
        if over and not layer.visible:  # napari does not keep up the corners of hidden layers
            world = [over[0].data_to_world(at) for at in over[0].corner_pixels]
            corners = np.array([layer.world_to_data(at)[-2:] for at in world])
    corners = corners.clip(0, size)
    if (np.diff(corners, axis=0) < 2).any():  # nothing is shown yet
        corners = np.array([[0, 0], size])
    middle, sides = corners.mean(0), np.diff(corners, axis=0)[0]
    most = min(MOST_IN_PLANE, MOST_PIXELS / source.count)
    sides = sides * min(1.0, (most / sides.prod()) ** 0.5)
    first = np.floor(middle - sides / 2).clip(0).astype(int)
    last = np.ceil(middle + sides / 2).clip(first + 2, size).astype(int)
    return slice(int(first[0]), int(last[0])), slice(int(first[1]), int(last[1]))


def previewing(session: Session, parameters: FuseParameters, region: Region) -> Task:
    """Return the task that fuses a part of the planes; its result is a FusionResult.

    Where the blur is known, it is not estimated again: a part may show no edge of it.
    """
    psf = session.psf
    if psf is not None:
        parameters = replace(parameters, psf=psf.sigma_px, psf_shape=psf.shape)
    parameters = replace(parameters, near=session.state.near or parameters.near)

    def task() -> Generator[Progress, None, FusionResult]:
        from napari_focusstack.fusion.fuse import fuse_steps

        planes = session.source.planes(region)
        positions = session.source.positions
        return (yield from fuse_steps(planes, None, parameters, positions=positions))

    return task


def show_preview(
    viewer: ViewerModel, source: Source, region: Region, result: FusionResult
) -> Image:
    """Show a preview in its place, instead of an earlier one."""
    plane, beside = source.layers[0], source.beside()
    beside["translate"] = moved_to(region, beside)
    look = {} if plane.rgb else {"colormap": plane.colormap}
    if not plane.rgb:
        look["contrast_limits"] = plane.contrast_limits
    if _name(source) in viewer.layers:
        earlier: Image = viewer.layers[_name(source)]
        if earlier.rgb == plane.rgb:  # a new layer would stop the GUI four times as long
            earlier.data = result.image
            for name, value in (beside | look | {"visible": True}).items():
                setattr(earlier, name, value)
            return earlier
        hide_preview(viewer, source)
    selected = set(viewer.layers.selection)
    layer = viewer.add_image(
        result.image,
        name=_name(source),
        rgb=plane.rgb,
        metadata={"focusstack": {**source.metadata(), "shows": "preview"}},
        **beside,
        **look,
    )
    layer.bounding_box.visible = True
    layer.bounding_box.points = False
    viewer.layers.selection = selected  # a rectangle that is selected is previewed again
    return layer


def hide_preview(viewer: ViewerModel, source: Source) -> None:
    """Take an earlier preview away."""
    if _name(source) in viewer.layers:
        viewer.layers.remove(_name(source))


def _name(source: Source) -> str:
    return f"{source.name} preview"
