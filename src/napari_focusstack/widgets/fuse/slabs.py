"""Slabs of the stack, fused a few planes at a time, as a layer of fewer, sharper planes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.provenance import record
from napari_focusstack.runtime.plane_choice import chosen_planes
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.slab_choice import read_slab, slab_ranges
from napari_focusstack.widgets.fuse.surface_view import TURNED, with_depth
from napari_focusstack.widgets.session.result_layers import moved_to

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari.components import ViewerModel

    from napari_focusstack.fusion.slabs import Slab
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import Task

    #: The slabs, and the rows and columns that they show; None for all.
    Fused = tuple[list[Slab], Region | None]


def fusing_slabs(session: Session, parameters: FuseParameters, slab: str) -> Task:
    """Return the task that fuses slabs of a source.

    Raises
    ------
    InputError
        If the text names no slabs.
    """
    size, overlap = read_slab(slab)
    source = session.source
    count = len(slab_ranges(chosen_planes(parameters.planes, source.count), size, overlap))
    parameters = replace(parameters, near=session.state.near or parameters.near)

    def task() -> Generator[Progress, None, Fused]:
        from napari_focusstack.fusion.near_end import prepare
        from napari_focusstack.fusion.result import crop_region
        from napari_focusstack.fusion.slabs import slabs_of

        pipeline = yield from prepare(source.planes(), parameters, positions=source.positions)
        region = crop_region(pipeline.visible.by_all) if parameters.crop else None
        made = []
        yield Progress("fusing slabs", 0, count)
        for one in slabs_of(pipeline, size, overlap):
            made.append(one if region is None else one.cropped(region))
            yield Progress("fusing slabs", len(made), count)
        return made, region

    return task


def show_slabs(
    viewer: ViewerModel, source: Source, fused: Fused, parameters: FuseParameters, slab: str
) -> None:
    """Show slabs in a layer, each at the middle of its planes, instead of an earlier one."""
    slabs, region = fused
    plane, beside = source.layers[0], source.beside()
    if region is not None:
        beside["translate"] = moved_to(region, beside)
    first, step = middles(source, [one.numbers for one in slabs])
    name, size, overlap = f"{source.name} slabs", *read_slab(slab)
    if name in viewer.layers:
        viewer.layers.remove(name)
    weights: dict[str, str] = {}
    for one in slabs:
        weights |= one.result.weights if one.result else {}
    made = {
        **record(asdict(parameters), weights=weights),
        "slabs": {
            "size": size,
            "overlap": overlap,
            "planes": [[one.numbers[0], one.numbers[-1]] for one in slabs],
        },
    }
    look: dict[str, Any] = {} if plane.rgb else {"colormap": plane.colormap}
    if not plane.rgb:
        look["contrast_limits"] = plane.contrast_limits
    viewer.add_image(
        np.stack([one.image for one in slabs]),
        name=name,
        rgb=plane.rgb,
        scale=(step, *beside["scale"]),
        translate=(first, *beside["translate"]),
        units=(source.plane_step[1], *beside["units"]),
        axis_labels=("z", *beside["axis_labels"]),
        metadata={"focusstack": {**source.metadata(), "shows": "slabs", "record": made}},
        **{turned: with_depth(beside[turned]) for turned in TURNED if turned in beside},
        **look,
    )


def middles(source: Source, numbers: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Return where the first slab lies along the focus axis, and the mean step to the next.

    A slab lies at the middle between its first and last plane.

    Parameters
    ----------
    source : Source
        The planes.
    numbers : sequence of sequence of int
        Planes of each slab, from 1.
    """
    start, step = source.nearest("first")
    places = source.positions or [plane * step for plane in range(source.count)]
    middle = [(places[one[0] - 1] + places[one[-1] - 1]) / 2 for one in numbers]
    mean = (middle[-1] - middle[0]) / (len(middle) - 1) if len(middle) > 1 else step
    return start + middle[0] - places[0], mean
