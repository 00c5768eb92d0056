"""The foreground mask of a pair: soft alpha, its refinement, and labels as its hard view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.networks.pair_log_odds import near_log_odds
from napari_focusstack.networks.tiled_fsb import segment_tiled
from napari_focusstack.segmentation.labels import apply_hard_mask, clamp_soft_band

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.networks.fsb import FSB
    from napari_focusstack.parameters import SegmentationParameters
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.progress import Progress


#: Answers of FSB nearer than this to 0 or 1 count as this sure, and its log-odds by this share:
#: DEB sees further.
LOGIT_EPS, FSB_WEIGHT = 1e-3, 0.5
#: Half the width of the least region that a second opinion may decide over, px.
REGION_PX = 5
#: Log-odds that are clearly for or against: 20 to 1.
MIN_LOG_ODDS = 3.0


def estimate_matte(
    pair: FocalStack, fsb: FSB, deb: DEB, parameters: SegmentationParameters
) -> Generator[Progress, None, tuple[Tensor, str | None]]:
    """Find the foreground's alpha: FSB draws its edges, DEB has its say about regions.

    Parameters
    ----------
    pair : FocalStack
        Near and far plane.
    fsb : FSB
        On the planes' device.
    deb : DEB
        On the planes' device.
    parameters : SegmentationParameters
        Size of tiles, and whether and by which CRF the mask is refined.

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
    near, far = (pair.display(plane, pair.full) for plane in (1, 2))
    alpha = yield from segment_tiled(fsb, near, far, parameters.tile_px)
    odds = yield from near_log_odds(pair, deb, parameters.tile_px)
    odds += FSB_WEIGHT * torch.logit(alpha.clamp(LOGIT_EPS, 1 - LOGIT_EPS))
    opinion = torch.sigmoid(odds)
    backend = None
    if parameters.crf:
        from napari_focusstack.segmentation.crf import refine

        guide = (near.permute(1, 2, 0) * 255).round().byte().cpu().numpy()
        probability, backend = refine(
            opinion[0].cpu().numpy(), guide, backend=parameters.crf_backend
        )
        opinion = torch.from_numpy(probability)[None].to(alpha.device)
    mask = remove_islands(override_regions(alpha, opinion), odds)
    return clamp_soft_band(apply_hard_mask(alpha, mask)), backend


def override_regions(alpha: Tensor, opinion: Tensor) -> Tensor:
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


def remove_islands(mask: Tensor, odds: Tensor) -> Tensor:
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
        :data:`MIN_LOG_ODDS`.
    """
    import cv2

    kept, said = mask[0].cpu().numpy().copy(), odds[0].cpu().numpy()
    for side, sign, neighbours in ((True, 1, 8), (False, -1, 4)):
        parts = cv2.connectedComponents((kept == side).astype(np.uint8), connectivity=neighbours)[1]
        sizes = np.bincount(parts.ravel()).clip(min=1)
        against = sign * np.bincount(parts.ravel(), said.ravel()) / sizes < -MIN_LOG_ODDS
        against[0] = False  # what is not of this side
        kept[against[parts]] = not side
    return torch.from_numpy(kept)[None].to(mask.device)
