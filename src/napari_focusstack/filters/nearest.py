"""Nearest-neighbour extrapolation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor


def nearest_values(values: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values (C, Y, X) of the nearest of the pixels (1, Y, X) that are present.

    And how far that is, px, (1, Y, X).
    """
    import cv2

    true = present[0].cpu().numpy()
    # seven times as fast as an exact distance transform
    away_px, nearest = cv2.distanceTransformWithLabels(
        (~true).view(np.uint8),
        cv2.DIST_L2,
        cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    here = np.flatnonzero(true)
    flat = values.reshape(len(values), -1).cpu().numpy()
    known = np.zeros((len(flat), len(here) + 1), flat.dtype)
    known[:, nearest.ravel()[here]] = flat[:, here]
    found = torch.from_numpy(known[:, nearest]).to(values.device)
    return found, torch.from_numpy(away_px).to(values.device)[None]
