"""Compute the transition region of a focal stack, block by block and plane by plane.

:mod:`~napari_focusstack.elimination.occluders` finds the foreground of each plane,
:mod:`~napari_focusstack.elimination.front_layer` its light, once for all planes behind it, and
:mod:`~napari_focusstack.elimination.diffusion` solves for the background.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from napari_focusstack.elimination.alpha_matting import REACH_PX
from napari_focusstack.elimination.diffusion import METHODS, subtract, unmix
from napari_focusstack.elimination.front_layer import FrontLayer
from napari_focusstack.elimination.occluders import occlusions_in, support_of, widest_margin_px
from napari_focusstack.errors import InputError
from napari_focusstack.filters.select import blend
from napari_focusstack.imaging.breathing import origin
from napari_focusstack.imaging.kernels import check_sigma
from napari_focusstack.runtime.region import full, pad, to_local
from napari_focusstack.runtime.threads import worker_count
from napari_focusstack.runtime.tile_queue import TileQueue
from napari_focusstack.runtime.tiles import bytes_of_tile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.elimination.diffusion import EliminationMethod
    from napari_focusstack.elimination.occluders import Occlusion
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.planes.focal_stack import PlaneSampler
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap

#: Side of the blocks that the work is cut into, px, and the least where memory runs out.
BLOCK_PX, LEAST_PX = 512, 64
#: Memory of a block for each pixel that it reads, bytes. Measured.
BYTES_PER_PIXEL = 350.0
#: Margin of a block where the foreground is blurred by 10 px, px.
USUAL_MARGIN_PX = 90


class Solved(NamedTuple):
    """A piece of the transition region.

    Parameters
    ----------
    region : tuple of slice
        Rows and columns.
    mask : Tensor
        Bool, (Y, X) of the region: its pixels that are in the transition region.
    light : Tensor
        Shape (C, n): the all-in-focus light of the n pixels of the mask, linear, 0..1.
    evidence : Tensor
        Shape (6, n), see :class:`~napari_focusstack.elimination.diffusion.Unmixed`; empty, (0, n),
        where the method is not ``unmix``.
    """

    region: Region
    mask: Tensor
    light: Tensor
    evidence: Tensor


def eliminate(
    light: PlaneSampler,
    focus: FocusMap,
    psf: Psf,
    method: EliminationMethod = "unmix",
    within: Region | None = None,
    budget_bytes: float = math.inf,
) -> Iterator[Solved]:
    """Compute the transition region. The caller copies all other pixels from the planes.

    Pixels are computed only where one surface occludes another. The cost follows the length of the
    occlusion boundaries, not the area of the image. Each piece is computed with the margin that the
    PSFs reach, so the answer does not depend on the blocks.

    Parameters
    ----------
    light : PlaneSampler
        Linear light of the planes.
    focus : FocusMap
        Depth and alpha of the whole image.
    psf : Psf
        Blurs per plane step; of a pair also the foreground's breathing.
    method : {"unmix", "subtract", "none"}
        ``none`` yields nothing: every pixel is a source pixel.
    within : tuple of slice, optional
        Rows and columns to compute; the whole image if not given.
    budget_bytes : float, optional
        Most memory of all blocks that are computed at a time; one is, whatever it takes.

    Yields
    ------
    Solved
        A piece of it.

    Raises
    ------
    InputError
        If the sigma of K3 is not positive or the method is unknown.
    """
    check_sigma(psf.sigma_px)
    if method not in METHODS:
        raise InputError(f"elimination is {method!r}; choose one of {', '.join(METHODS)}.")
    if method == "none":
        return

    def work(block: Region) -> list[Solved]:
        return list(_solve_block(light, focus, psf, method, block))

    device = focus.alpha.device
    blocks = TileQueue(_blocks(focus, within), 1, LEAST_PX)
    workers = worker_count(device, budget_bytes, block_bytes(focus, psf))
    for _, solved in blocks.map(work, device, workers):
        yield from solved


def block_bytes(focus: FocusMap, psf: Psf) -> int:
    """Return the memory that a block takes where all planes are behind the first, bytes."""
    outer_px = BLOCK_PX + 2 * (widest_margin_px(focus, psf) + REACH_PX)
    return bytes_of_tile(focus.size, outer_px, BYTES_PER_PIXEL)


def least_bytes(size: tuple[int, int]) -> int:
    """Return the memory that a block of an image of a size needs, bytes.

    Examples
    --------
    >>> least_bytes((2048, 3072)), least_bytes((64, 64))
    (167602400, 1433600)
    """
    return bytes_of_tile(size, BLOCK_PX + 2 * USUAL_MARGIN_PX, BYTES_PER_PIXEL)


def _blocks(focus: FocusMap, within: Region | None) -> Iterator[Region]:
    """Yield rows and columns, block by block."""
    rows, columns = within or full(focus.size)
    for top in range(rows.start, rows.stop, BLOCK_PX):
        for left in range(columns.start, columns.stop, BLOCK_PX):
            yield (
                slice(top, min(top + BLOCK_PX, rows.stop)),
                slice(left, min(left + BLOCK_PX, columns.stop)),
            )


def _solve_block(
    light: PlaneSampler, focus: FocusMap, psf: Psf, method: EliminationMethod, block: Region
) -> Iterator[Solved]:
    """Yield the background of each plane of a block, see :func:`eliminate`."""
    front = None
    for occlusion in occlusions_in(focus, psf, block):
        if front is None:
            support = occlusion.support if focus.is_pair else support_of(focus, psf, block)
            front = FrontLayer.of(light, focus, pad(support, REACH_PX, focus.size))
        yield _solve_occlusion(light, focus, front, psf, method, occlusion)


def _solve_occlusion(
    light: PlaneSampler,
    focus: FocusMap,
    front: FrontLayer,
    psf: Psf,
    method: EliminationMethod,
    occlusion: Occlusion,
) -> Solved:
    """Return the occluded pixels of a plane."""
    support, steps = occlusion.support, occlusion.distance_steps
    here = to_local(support, front.region)
    alpha = occlusion.alpha
    near = light.by_label(occlusion.depth[0].round(), support)
    far = light.plane(occlusion.plane, support)
    soft = (alpha > 0) & (alpha < 1)
    present = alpha > 0
    alpha = blend(soft, front.alpha[:, *here], alpha)[None]
    origins = [origin(support[0].start, support[1].start, focus.size)]
    crop = to_local(occlusion.bbox, support)
    if method == "subtract":
        image = subtract(near[None], far[None], alpha, psf, origins, steps)[..., *crop]
        evidence = image[:, :0]
    else:
        foreground = None
        if not focus.is_pair:
            hard = front.in_focus[:, *here] * present
            foreground = blend(soft, front.premultiplied[:, *here], hard)[None]
        image, evidence = unmix(near[None], far[None], alpha, psf, origins, steps, foreground, crop)
    mask = occlusion.mask
    shown = light.shows(occlusion.plane, occlusion.bbox)
    if shown is not None:
        mask = mask & shown
    return Solved(occlusion.bbox, mask, image[0][:, mask], evidence[0][:, mask])
