"""Labels of a pair, the hard form of alpha: read, antialiased, and applied to a soft alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.filters.pooling import max_filter
from napari_focusstack.imaging.blur import blur

if TYPE_CHECKING:
    from torch import Tensor


#: Labels of a pair. 0 (not painted) is far, too.
NEAR_LABEL, FAR_LABEL = 1, 2
#: Alpha this near to 0 or 1 is 0 or 1 (convention): a sigmoid reaches neither.
ALPHA_EPS = 0.02
#: Distance from the mask's edge, px, beyond which softness is uncertainty, not coverage
#: (convention).
SOFT_REACH_PX = 4
#: Distance, px, within which a change of the mask changes alpha in :func:`apply_hard_mask`.
EDIT_REACH_PX = 8
#: Sigma of the blur that antialiases a hard edge, px (convention: a box pixel).
ANTIALIAS_PX = 0.7


def clamp_soft_band(alpha: Tensor) -> Tensor:
    """Round alpha to 0 or 1 except in a band along the mask's edge.

    Parameters
    ----------
    alpha : Tensor
        Shape (1, Y, X), 0..1.

    Returns
    -------
    Tensor
        Same shape. It lies strictly between 0 and 1 only within :data:`SOFT_REACH_PX` of the 0.5
        contour, so that the rest of the output is bit-exact.
    """
    hard = (alpha > 0.5).to(alpha)
    size = 2 * SOFT_REACH_PX + 1
    grown = max_filter(hard, size)
    shrunk = -max_filter(-hard, size)
    soft = ((alpha - ALPHA_EPS) / (1 - 2 * ALPHA_EPS)).clamp(0, 1)
    return torch.where(grown > shrunk, soft, hard)


def apply_hard_mask(alpha: Tensor, mask: Tensor, decided: Tensor | None = None) -> Tensor:
    """Return alpha changed to agree with a hard mask.

    Parameters
    ----------
    alpha : Tensor
        Shape (1, Y, X), 0..1.
    mask : Tensor
        Bool, same shape: painted, or refined.
    decided : Tensor, optional
        Bool, same shape: pixels that are hard, also where alpha agrees with the mask.

    Returns
    -------
    Tensor
        Alpha where alpha cut at 0.5 is the mask and no region of 3 px or more disagrees nearby
        (near such a region softness is uncertainty, not coverage); elsewhere the antialiased mask.
    """
    disputed = ((alpha > 0.5) != mask).float()
    regions = -max_filter(-disputed)
    near_regions = max_filter(regions, 2 * SOFT_REACH_PX + 3)
    hard = (disputed + near_regions) > 0
    if decided is not None:
        hard |= decided
    return torch.where(hard, antialias(mask), alpha)


def antialias(mask: Tensor) -> Tensor:
    """Return the alpha (1, Y, X), 0..1, of a hard mask (bool) with antialiased edges."""
    soft = blur(mask.float(), ANTIALIAS_PX)
    return torch.where((soft > ALPHA_EPS) & (soft < 1 - ALPHA_EPS), soft, mask.float())


def alpha_from_labels(labels: np.ndarray, shape: tuple[int, int]) -> Tensor:
    """Return the foreground's alpha of labels, a mask or a matte.

    Parameters
    ----------
    labels : ndarray
        Shape (Y, X). Integers: 1 is the near plane, 0 and 2 the far one. Bool, or bytes 0 and 255:
        the foreground mask. Bytes with levels between 0 and 255, or floats in 0..1: alpha.
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
