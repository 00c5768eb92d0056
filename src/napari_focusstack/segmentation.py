"""The foreground mask of a pair: soft alpha, its refinement, and labels as its hard view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.errors import InputError
from napari_focusstack.networks.inference import segment_tiled
from napari_focusstack.networks.opinion import near_odds
from napari_focusstack.optics import blur
from napari_focusstack.pooling import greatest_of_nine

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.networks.fsb import FSB
    from napari_focusstack.progress import Progress
    from napari_focusstack.stack import Stack

#: Labels of a pair; what nobody painted is far.
NEAR_LABEL, FAR_LABEL = 1, 2
#: Alpha nearer than this to 0 or 1 is 0 or 1: a sigmoid never quite says either.
CERTAIN = 0.02
#: Answers of FSB nearer than this to 0 or 1 count as this sure, and its log-odds by this share:
#: DEB sees further.
SURE, FSB_SHARE = 1e-3, 0.5
#: Softness further than this from the mask's edge is doubt, not coverage, px.
SOFT_REACH_PX = 4
#: Half the width of the least region that a second opinion may decide over, px.
REGION_PX = 5
#: Log-odds that are clearly for or against: 20 to 1.
CLEARLY = 3.0
#: How far a changed mask changes alpha through :func:`override`, px.
EDIT_REACH_PX = 8
#: Blur that turns a hard edge into the antialiased one it came from, px.
ANTIALIAS_PX = 0.7


def matte(pair: Stack, fsb: FSB, deb: DEB) -> Generator[Progress, None, tuple[Tensor, str | None]]:
    """Find the foreground's alpha: FSB draws its edges, DEB has its say about regions.

    Parameters
    ----------
    pair : Stack
        Near and far plane.
    fsb : FSB
        On the planes' device.
    deb : DEB
        On the planes' device.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    alpha : Tensor
        Shape (1, Y, X), 0..1; strictly between only near the mask's edge.
    crf_backend : str or None
        Which implementation of the CRF ran.
    """
    near, far = (pair.shown(plane, pair.whole) for plane in (1, 2))
    alpha = yield from segment_tiled(fsb, near, far, pair.parameters.tile_px)
    odds = yield from near_odds(pair, deb, pair.parameters.tile_px)
    odds += FSB_SHARE * torch.logit(alpha.clamp(SURE, 1 - SURE))
    opinion = torch.sigmoid(odds)
    backend = None
    if pair.parameters.crf:
        from napari_focusstack.crf import refine

        guide = (near.permute(1, 2, 0) * 255).round().byte().cpu().numpy()
        probability, backend = refine(
            opinion[0].cpu().numpy(), guide, backend=pair.parameters.crf_backend
        )
        opinion = torch.from_numpy(probability)[None].to(alpha.device)
    mask = without_islands(overruled(alpha, opinion), odds)
    return confine(override(alpha, mask)), backend


def overruled(alpha: Tensor, opinion: Tensor) -> Tensor:
    """Let a second opinion decide over regions, and leave edges and fine structures to alpha.

    Parameters
    ----------
    alpha, opinion : Tensor
        Shape (1, Y, X), 0..1.

    Returns
    -------
    Tensor
        Bool, same shape: what the opinion says where it disagrees over more than
        :data:`REGION_PX` in every direction; elsewhere what alpha says.
    """
    mask, other = alpha > 0.5, opinion > 0.5
    disputed = (mask != other).float()[None]
    padded = functional.pad(disputed, (REGION_PX,) * 4, mode="replicate")
    cores = -functional.max_pool2d(-padded, 2 * REGION_PX + 1, 1)
    regions = functional.max_pool2d(cores, 2 * REGION_PX + 1, 1, REGION_PX)[0] > 0
    return torch.where(regions, other, mask)


def without_islands(mask: Tensor, odds: Tensor) -> Tensor:
    """Give islands and holes to what is around them where the odds are clearly against them.

    In a blank region FSB is unsure and speckles; hairs and gaps, however thin, it is sure of.

    Parameters
    ----------
    mask : Tensor
        Bool, (1, Y, X).
    odds : Tensor
        Log-odds of the foreground, same shape.

    Returns
    -------
    Tensor
        Bool, same shape: without the connected parts whose mean odds are against them by more than
        :data:`CLEARLY`.
    """
    import cv2

    kept, said = mask[0].cpu().numpy().copy(), odds[0].cpu().numpy()
    for side, sign, neighbours in ((True, 1, 8), (False, -1, 4)):
        parts = cv2.connectedComponents((kept == side).astype(np.uint8), connectivity=neighbours)[1]
        sizes = np.bincount(parts.ravel()).clip(min=1)
        against = sign * np.bincount(parts.ravel(), said.ravel()) / sizes < -CLEARLY
        against[0] = False  # what is not of this side
        kept[against[parts]] = not side
    return torch.from_numpy(kept)[None].to(mask.device)


def confine(alpha: Tensor) -> Tensor:
    """Keep alpha soft along the mask's edge only; elsewhere it becomes 0 or 1.

    Parameters
    ----------
    alpha : Tensor
        Shape (1, Y, X), 0..1.

    Returns
    -------
    Tensor
        Same shape; strictly between 0 and 1 only within :data:`SOFT_REACH_PX` of the 0.5 contour,
        so that the rest of the output is bit-exact.
    """
    hard = (alpha > 0.5).to(alpha)
    size = 2 * SOFT_REACH_PX + 1
    grown = functional.max_pool2d(hard, size, 1, SOFT_REACH_PX)
    shrunk = -functional.max_pool2d(-hard, size, 1, SOFT_REACH_PX)
    soft = ((alpha - CERTAIN) / (1 - 2 * CERTAIN)).clamp(0, 1)
    return torch.where(grown > shrunk, soft, hard)


def override(alpha: Tensor, mask: Tensor) -> Tensor:
    """Let a hard mask decide, and alpha only how soft the edge is where both see the same edge.

    Parameters
    ----------
    alpha : Tensor
        Shape (1, Y, X), 0..1.
    mask : Tensor
        Bool, same shape: painted, or refined.

    Returns
    -------
    Tensor
        Alpha where its hard view is the mask and no region that is more than a sliver disagrees
        nearby (there alpha is doubt, not coverage); elsewhere the mask, antialiased.
    """
    disputed = ((alpha > 0.5) != mask).float()
    regions = -greatest_of_nine(-disputed)
    doubtful = functional.max_pool2d(regions, 2 * SOFT_REACH_PX + 3, 1, SOFT_REACH_PX + 1)
    return torch.where((disputed + doubtful) > 0, antialias(mask), alpha)


def antialias(mask: Tensor) -> Tensor:
    """Return the alpha (1, Y, X) of a hard mask (bool): its edges as a pixel grid samples them."""
    soft = blur(mask.float(), ANTIALIAS_PX)
    return torch.where((soft > CERTAIN) & (soft < 1 - CERTAIN), soft, mask.float())


def alpha_from_labels(labels: np.ndarray, shape: tuple[int, int]) -> Tensor:
    """Read labels, a mask or a matte as the foreground's alpha.

    Parameters
    ----------
    labels : ndarray
        Shape (Y, X). Integers: 1 is the near plane, 0 and 2 the far one; bool or 0/255: the
        foreground mask; bytes with levels between 0 and 255, or floats in 0..1: alpha.
    shape : tuple of int
        Rows and columns of the planes.

    Returns
    -------
    Tensor
        Shape (1, Y, X), float32, on the CPU; edges of hard labels are antialiased.

    Raises
    ------
    InputError
        If the shape differs or a value is none of these.

    Examples
    --------
    >>> float(alpha_from_labels(np.array([[1, 2]] * 2), (2, 2)).max()) <= 1
    True
    """
    labels = np.asarray(labels)
    if labels.shape != shape:
        raise InputError(
            f"labels have the shape {labels.shape}, the planes {shape}; make them equal."
        )
    if labels.dtype.kind == "f":
        outside = ~((labels >= 0) & (labels <= 1))
        if outside.any():
            raise InputError(
                f"labels of floats are an alpha in 0..1, but hold {labels[outside][0]}; "
                "rescale them."
            )
        return torch.from_numpy(labels.astype(np.float32))[None]
    if labels.dtype.kind not in "bui":
        raise InputError(f"labels are of type {labels.dtype}; give integers, bool or an alpha.")
    values = set(np.unique(labels).tolist())
    if 255 in values and labels.dtype == np.uint8:
        if not values <= {0, 255}:
            return torch.from_numpy(labels.astype(np.float32) / 255)[None]
        mask = labels == 255
    elif values <= {0, NEAR_LABEL, FAR_LABEL}:
        mask = labels == NEAR_LABEL
    else:
        odd = sorted(values - {0, NEAR_LABEL, FAR_LABEL})[0]
        raise InputError(
            f"labels hold the value {odd}; a pair has 1 (near) and 2 or 0 (far), or a mask 0 and "
            "255."
        )
    return antialias(torch.from_numpy(mask)[None])
