"""The foreground mask M of a pair: soft alpha by FSB, its regions overruled by DEB and the CRF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.filters.pooling import opened
from napari_focusstack.networks.pair_log_odds import near_log_odds
from napari_focusstack.networks.tiled_fsb import segment_tiled
from napari_focusstack.segmentation.contours import join_blank_parts
from napari_focusstack.segmentation.labels import apply_hard_mask, clamp_soft_band

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.networks.fsb import FSB
    from napari_focusstack.parameters import SegmentationParameters
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.progress import Progress


#: Alpha of FSB is clipped to LOGIT_EPS..1 - LOGIT_EPS before its logit is taken (convention).
LOGIT_EPS = 1e-3
#: Weight of FSB's log-odds beside those of DEB, which has the larger receptive radius (convention).
FSB_WEIGHT = 0.5
#: Half the width of the least region in which the prior may overrule alpha, px. Measured: mean IoU
#: and PSNR on real and simulated pairs.
REGION_PX = 3
#: Mean log-odds from which on an island is removed: 20 to 1. Measured on the same pairs.
MIN_LOG_ODDS = 3.0


def estimate_matte(
    pair: FocalStack, fsb: FSB, deb: DEB, parameters: SegmentationParameters
) -> Generator[Progress, None, tuple[Tensor, str | None]]:
    """Estimate the foreground's alpha: FSB draws its edges, DEB and the CRF overrule its regions.

    Parameters
    ----------
    pair : FocalStack
        Near and far plane.
    fsb : FSB
        On the planes' device.
    deb : DEB
        On the planes' device.
    parameters : SegmentationParameters
        Size of tiles, and whether and by which backend the CRF refines the mask.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    alpha : Tensor
        Shape (1, Y, X), 0..1; strictly between 0 and 1 only near the mask's edge.
    crf_backend : str or None
        The backend of the CRF that ran, None if none did.
    """
    near, far = (pair.display(plane, pair.full) for plane in (1, 2))
    alpha = yield from segment_tiled(fsb, near, far, parameters.tile_px, pair.budget_bytes)
    log_odds = yield from near_log_odds(pair, deb)
    log_odds += FSB_WEIGHT * torch.logit(alpha.clamp(LOGIT_EPS, 1 - LOGIT_EPS))
    prior = torch.sigmoid(log_odds)
    backend = None
    if parameters.crf:
        from napari_focusstack.segmentation.crf import refine

        guide = (near.permute(1, 2, 0) * 255).round().byte().cpu().numpy()
        probability, backend = refine(prior[0].cpu().numpy(), guide, backend=parameters.crf_backend)
        prior = torch.from_numpy(probability)[None].to(alpha.device)
    mask = remove_islands(override_regions(alpha, prior), log_odds)
    mask = join_blank_parts(mask, log_odds, near, far)
    return clamp_soft_band(apply_hard_mask(alpha, mask)), backend


def override_regions(alpha: Tensor, prior: Tensor) -> Tensor:
    """Return the mask of alpha, overruled by a prior in whole regions (the region vote).

    Edges and fine structures stay as alpha has them.

    Parameters
    ----------
    alpha : Tensor
        Shape (1, Y, X), 0..1.
    prior : Tensor
        Probability of the foreground, same shape.

    Returns
    -------
    Tensor
        Bool, same shape: the prior cut at 0.5 where it disagrees with alpha over more than
        :data:`REGION_PX` in every direction, elsewhere alpha cut at 0.5.
    """
    mask, prior_mask = alpha > 0.5, prior > 0.5
    disputed = (mask != prior_mask).float()
    regions = opened(disputed, 2 * REGION_PX + 1) > 0
    return torch.where(regions, prior_mask, mask)


def remove_islands(mask: Tensor, log_odds: Tensor) -> Tensor:
    """Remove islands of foreground, and holes in it, that the log-odds clearly contradict.

    In a blank region FSB is uncertain and its mask speckles. Hairs and gaps stay, however thin,
    because FSB is certain of them.

    Parameters
    ----------
    mask : Tensor
        Bool, (1, Y, X).
    log_odds : Tensor
        Log-odds of the foreground, same shape.

    Returns
    -------
    Tensor
        Bool, same shape: without the connected parts whose mean log-odds contradict them by more
        than :data:`MIN_LOG_ODDS`.
    """
    import cv2

    kept, evidence = mask[0].cpu().numpy().copy(), log_odds[0].cpu().numpy()
    for side, sign, connectivity in ((True, 1, 8), (False, -1, 4)):
        of_side = (kept == side).astype(np.uint8)
        parts = cv2.connectedComponents(of_side, connectivity=connectivity)[1]
        sizes = np.bincount(parts.ravel()).clip(min=1)
        remove = sign * np.bincount(parts.ravel(), evidence.ravel()) / sizes < -MIN_LOG_ODDS
        remove[0] = False  # part 0 is the other side
        kept[remove[parts]] = not side
    return torch.from_numpy(kept)[None].to(mask.device)
