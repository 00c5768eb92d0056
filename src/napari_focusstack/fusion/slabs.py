"""Slabs: a few neighbouring planes at a time are fused, and the pictures are a new, sharper stack.

Retouching in other programs needs them: where the picture of the whole stack is wrong, that of a
slab often is right. The planes are registered and their light is equalised once, all together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.fusion.fuse import fuse_steps
from napari_focusstack.fusion.near_end import prepare
from napari_focusstack.fusion.result import crop_region
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.plane_choice import chosen_planes, ranges_text
from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.slab_choice import slab_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_focusstack.fusion.pipeline import Pipeline
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.planes.focal_stack import Planes
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress
    from napari_focusstack.runtime.region import Region


@dataclass(frozen=True, eq=False)
class Slab:
    """The picture of a few neighbouring planes.

    Parameters
    ----------
    numbers : tuple of int
        Numbers of the planes in the stack, from 1 in the order given.
    image : ndarray
        Their all-in-focus image, of the shape and dtype of a plane.
    result : FusionResult or None
        How they were fused. Its labels count the planes of the whole stack. None where fewer than
        two of the planes can be used; the image is a plane then.
    """

    numbers: tuple[int, ...]
    image: np.ndarray
    result: FusionResult | None

    def cropped(self, region: Region) -> Slab:
        """Return the slab cut to some rows and columns."""
        result = None if self.result is None else self.result.cropped(region)
        return Slab(self.numbers, self.image[region].copy(), result)


def fuse_slabs(
    planes: Planes,
    /,
    size: int,
    overlap: int = 0,
    *,
    registration: Registration | None = None,
    positions: Sequence[float] | None = None,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Iterator[Slab]:
    """Fuse slabs of neighbouring planes, one after the other; only one is in memory at a time.

    Parameters
    ----------
    planes, registration, positions, progress, **options
        As for :func:`napari_focusstack.fuse`. Slabs are made of the planes that are chosen. With
        ``crop``, all are cut to the rectangle that all these planes show.
    size : int
        Planes of a slab, 2 or more.
    overlap : int
        Planes that a slab shares with the next, less than its size.
    budget_bytes : int, optional
        Most memory that tiles may take.

    Yields
    ------
    Slab
        In the order of the planes given.

    Raises
    ------
    InputError
        If planes, slabs or an option cannot be used.

    Examples
    --------
    >>> import napari_focusstack as nfs
    >>> stack = nfs.colour_stack((64, 96))
    >>> slabs = nfs.fuse_slabs(stack, 5, 2, elimination="none", device="cpu")
    >>> [slab.numbers for slab in slabs]
    [(1, 2, 3, 4, 5), (4, 5, 6, 7, 8)]
    """
    slab_ranges((1, 2), size, overlap)
    parameters = FuseParameters(**options)
    steps = prepare(planes, parameters, registration, budget_bytes, positions)
    pipeline = run(steps, progress)
    region = crop_region(pipeline.visible.by_all) if parameters.crop else None
    for slab in slabs_of(pipeline, size, overlap, budget_bytes, progress):
        yield slab if region is None else slab.cropped(region)


def slabs_of(
    pipeline: Pipeline,
    size: int,
    overlap: int,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[Slab]:
    """Fuse slabs of the planes of a pipeline that is prepared, see :func:`fuse_slabs`."""
    parameters = pipeline.parameters
    count = len(pipeline.stack)
    order = range(1, count + 1) if pipeline.near == "first" else range(count, 0, -1)
    chosen = chosen_planes(parameters.planes, count)
    each = replace(
        parameters,
        register="off",
        equalize="off",
        near="auto" if parameters.near == "auto" else "first",
    )
    for numbers in slab_ranges(chosen, size, overlap):
        places = sorted(order[number - 1] for number in numbers)
        used = [place for place in places if place in pipeline.shown]
        if len(used) < 2:
            yield Slab(numbers, _nearest_plane(pipeline, places), None)
            continue
        result = run(
            fuse_steps(
                _as_shown(pipeline, used),
                None,
                replace(each, planes=ranges_text(used)),
                budget_bytes=budget_bytes,
                positions=None if pipeline.positions is None else pipeline.positions.tolist(),
            ),
            progress,
        )
        yield Slab(numbers, result.image, result)


def _as_shown(pipeline: Pipeline, used: Sequence[int]) -> list[Any]:
    """Return the prepared planes; those that are used are masked where they show nothing."""
    planes = list(pipeline.stack.sources)
    for number in used:
        mask = pipeline.stack.shown.masks[number - 1]
        if mask is not None:
            pixels, hidden = np.asarray(planes[number - 1][:, :]), ~mask.whole
            if pixels.ndim == 3:
                hidden = np.broadcast_to(hidden[..., None], pixels.shape)
            planes[number - 1] = np.ma.MaskedArray(pixels, hidden)
    return planes


def _nearest_plane(pipeline: Pipeline, places: Sequence[int]) -> np.ndarray:
    """Return the plane that is used nearest to the middle of some places."""
    middle = (places[0] + places[-1]) / 2
    nearest = min(pipeline.shown, key=lambda place: abs(place - middle))
    return np.asarray(pipeline.stack.sources[nearest - 1][:, :])
