"""Projections of the planes around the surface that is shown, one layer for each channel."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.provenance import record
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.widgets.session.result_layers import moved_to

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy as np
    from napari.components import ViewerModel

    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.parameters import ProjectionParameters
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import Task

    #: The surface, and each channel with its projection.
    Projected = tuple[FusionResult, list[tuple[Source, np.ndarray]]]


def projecting(session: Session, parameters: ProjectionParameters) -> Task:
    """Return the task that projects a source and its other channels around their surface.

    The surface is that of the fused image, as painted.

    Raises
    ------
    InputError
        If nothing is fused yet, or a channel that has an offset is not there.
    """
    surface, sources = session.result, [session.source, *session.channels.others]
    offsets = offsets_of(sources, parameters)

    def task() -> Generator[Progress, None, Projected]:
        from napari_focusstack.fusion.projection import project

        made = []
        for number, (source, offset) in enumerate(zip(sources, offsets, strict=True)):
            yield Progress("projecting the planes", number, len(sources))
            image = project(
                source.planes(),
                surface,
                project=parameters.project,
                above=parameters.above,
                below=parameters.below,
                offset=offset,
                unit=source.plane_step[1],
            )
            made.append((source, image))
        return surface, made

    return task


def offsets_of(sources: Sequence[Source], parameters: ProjectionParameters) -> list[str]:
    """Return how far each channel lies behind the surface.

    A channel is known by the name of its layer, and by its number, from 1: that in its file, or
    among the channels.

    Raises
    ------
    InputError
        If there is no such channel.
    """
    offsets = ["0"] * len(sources)
    numbers = [source.channel or at for at, source in enumerate(sources, 1)]
    for channel, offset in parameters.offsets.items():
        named = [
            at
            for at, source in enumerate(sources)
            if channel in (str(numbers[at]), str(source.layers[0].name))
        ]
        if not named:
            known = ", ".join(
                f"{number} ({source.name})" for number, source in zip(numbers, sources, strict=True)
            )
            raise InputError(f"there is no channel {channel!r}; give one of {known}.")
        for at in named:
            offsets[at] = offset
    return offsets


def show_projections(
    viewer: ViewerModel, projected: Projected, parameters: ProjectionParameters
) -> None:
    """Show the projections in layers, instead of earlier ones of the same names."""
    surface, made = projected
    settings = record(surface.parameters, weights=surface.weights)
    settings |= {"found": surface.figures(), "projection": asdict(parameters)}
    for source, image in made:
        plane, beside = source.layers[0], source.beside()
        if surface.region is not None:
            beside["translate"] = moved_to(surface.region, beside)
        look: dict[str, Any] = {} if plane.rgb else {"colormap": plane.colormap}
        if parameters.project != "sum" and not plane.rgb:
            look["contrast_limits"] = plane.contrast_limits
        name = _name(source, made)
        if name in viewer.layers:
            viewer.layers.remove(name)
        about = {**source.metadata(), "shows": "projection", "record": settings}
        viewer.add_image(
            image,
            name=name,
            rgb=plane.rgb,
            blending="translucent" if source is made[0][0] else "additive",
            metadata={"focusstack": about},
            **beside,
            **look,
        )


def _name(source: Source, made: Sequence[tuple[Source, Any]]) -> str:
    """Return the name of a projection's layer; channels of one layer are numbered."""
    of_layer = [other for other, _ in made if other.layers == source.layers]
    channel = f" {source.channel}" if len(of_layer) > 1 else ""
    return f"{source.name}{channel} projected"
