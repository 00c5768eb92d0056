"""Walk the transition region of a focal stack, block by block and plane by plane.

:mod:`~napari_focusstack.veils` tells what lies over each plane; :mod:`~napari_focusstack.fronts`
tells what is in front in each pixel, once for all planes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.choosing import choose
from napari_focusstack.diffusion import METHODS, subtract, unmix
from napari_focusstack.errors import InputError
from napari_focusstack.fronts import Fronts
from napari_focusstack.lens import origin
from napari_focusstack.matting import REACH_PX
from napari_focusstack.optics import check_sigma
from napari_focusstack.region import grow, inside, whole
from napari_focusstack.threads import each
from napari_focusstack.veils import all_seen, veils_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.diffusion import EliminationMethod
    from napari_focusstack.focus_map import FocusMap
    from napari_focusstack.fronts import Light
    from napari_focusstack.lens import Psf
    from napari_focusstack.region import Region
    from napari_focusstack.veils import Veil

#: Side of the blocks that the work is cut into, px.
BLOCK_PX = 512


def eliminate(
    light: Light,
    focus: FocusMap,
    psf: Psf,
    method: EliminationMethod = "unmix",
    within: Region | None = None,
) -> Iterator[tuple[Region, Tensor, Tensor]]:
    """Compute the transition region; the rest is for the caller to copy.

    Only where something stands before something else is anything computed, so the cost follows the
    length of the edges, not the area of the image. Each piece is computed with the margin that the
    PSFs reach, so the answer is that of the whole image at once.

    Parameters
    ----------
    light : callable
        ``light(plane, where)`` returns linear light (C, Y, X), 0..1, of rows and columns of a
        plane, counted from 1, the nearest, or of the planes that labels (Y, X) name.
    focus : FocusMap
        What is in focus where.
    psf : Psf
        Blurs per plane step; of a pair also the foreground's breathing.
    method : {"unmix", "subtract", "none"}
        ``none`` yields nothing: every pixel is a source pixel.
    within : tuple of slice, optional
        Rows and columns to compute; the whole image if not given.

    Yields
    ------
    where : tuple of slice
        Rows and columns of a piece.
    region : Tensor
        Bool, (Y, X) of the piece: its part of the transition region.
    light : Tensor
        Shape (C, n): the all-in-focus light of the n pixels of the region.

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

    def work(block: Region) -> list[tuple[Region, Tensor, Tensor]]:
        return list(_unveiled(light, focus, psf, method, block))

    for found in each(work, _blocks(focus, within), focus.alpha.device):
        yield from found


def _blocks(focus: FocusMap, within: Region | None) -> Iterator[Region]:
    """Yield rows and columns, block by block."""
    rows, columns = within or whole(focus.size)
    for top in range(rows.start, rows.stop, BLOCK_PX):
        for left in range(columns.start, columns.stop, BLOCK_PX):
            yield (
                slice(top, min(top + BLOCK_PX, rows.stop)),
                slice(left, min(left + BLOCK_PX, columns.stop)),
            )


def _unveiled(
    light: Light, focus: FocusMap, psf: Psf, method: EliminationMethod, block: Region
) -> Iterator[tuple[Region, Tensor, Tensor]]:
    """Yield what was behind the veils in a block, plane by plane."""
    fronts = None
    for veil in veils_over(focus, psf, block):
        if fronts is None:
            seen = all_seen(focus, psf, block) if focus.planes > 2 else veil.seen
            fronts = Fronts.of(light, focus, grow(seen, REACH_PX, focus.size))
        yield veil.where, veil.region, _behind(light, focus, fronts, psf, method, veil)


def _behind(
    light: Light,
    focus: FocusMap,
    fronts: Fronts,
    psf: Psf,
    method: EliminationMethod,
    veil: Veil,
) -> Tensor:
    """Return the light (C, n) of the pixels of a plane that are veiled."""
    here = inside(veil.seen, fronts.where)
    alpha = veil.alpha
    near = light(veil.depth[0].round(), veil.seen)
    far = light(veil.plane, veil.seen)
    soft = (alpha > 0) & (alpha < 1)
    present = alpha > 0
    alpha = choose(soft, fronts.alpha[:, *here], alpha)[None]
    origins = [origin(veil.seen[0].start, veil.seen[1].start, focus.size)]
    wanted = inside(veil.where, veil.seen)
    if method == "subtract":
        found = subtract(near[None], far[None], alpha, psf, origins, veil.apart)[..., *wanted]
    else:
        own = None
        if focus.planes > 2:
            own = choose(soft, fronts.own[:, *here], fronts.shown[:, *here] * present)[None]
        found = unmix(near[None], far[None], alpha, psf, origins, veil.apart, own, wanted)
    return found[0][:, veil.region]
