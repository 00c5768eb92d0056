"""The losses: Eqs. 10 to 12 of the paper for FSB and KEB, and those of DEB and MEB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.laplacian import laplacian

if TYPE_CHECKING:
    from torch import Tensor


#: Weights of the gradient loss and the map loss in Eq. 11 of the paper.
LAMBDA_1, LAMBDA_2 = 2.0, 8.0
#: Weight of the cross entropy that is added to Eq. 11 (convention; see ``benchmarks/ablation.py``).
LAMBDA_3 = 4.0
#: A pixel within this distance of the boundary, px, gets this additional weight (convention; see
#: ``benchmarks/ablation.py``).
BOUNDARY_PX, BOUNDARY_WEIGHT = 2, 2.0
#: DEB: additional weight of a pixel within :data:`BOUNDARY_PX` of a depth edge (convention).
STEP_WEIGHT = 3.0
#: DEB: additional weight per unit of difference between the planes, 0..1, and the largest such
#: difference that counts (convention).
DIFFERENCE_WEIGHT, MAX_DIFFERENCE = 10.0, 0.4
#: MEB: the same for the contrast of the two planes of an edge, and the additional weight of a pixel
#: within :data:`BOUNDARY_PX` of the edge (convention).
CONTRAST_WEIGHT, MAX_CONTRAST, NEXT_TO_EDGE_WEIGHT = 20.0, 0.3, 1.0
#: MEB: weight of the squared error of mixed light, which is a small number (convention).
LIGHT_WEIGHT = 500.0


def gradient_loss(mask: Tensor, truth: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Compare the Laplacians of the initial fusions by two masks (L_g of Eq. 10).

    Parameters
    ----------
    mask, truth : Tensor
        Shape (B, 1, Y, X), 0..1: estimated and true alpha.
    near, far : Tensor
        Shape (B, C, Y, X): the planes that Eq. 9 selects from.

    Returns
    -------
    Tensor
        Scalar. R = M.N + (1 - M).F is linear in M, so the difference of the two Laplacians is the
        Laplacian of (M - M').(N - F).
    """
    return laplacian((mask - truth) * (near - far)).square().mean()


def boundary_weight(truth: Tensor) -> Tensor:
    """Return the weight of each pixel, (B, 1, Y, X), which is larger near the boundary.

    This is not in the paper. Elimination depends on the few pixels at the boundary, one in ten.
    They would hardly influence an unweighted mean.
    """
    return 1 + BOUNDARY_WEIGHT * boundary(truth)


def boundary(truth: Tensor) -> Tensor:
    """Return the range of alpha within :data:`BOUNDARY_PX` of each pixel, (B, 1, Y, X), 0..1."""
    side = 2 * BOUNDARY_PX + 1
    most = functional.max_pool2d(truth, side, 1, BOUNDARY_PX)
    least = -functional.max_pool2d(-truth, side, 1, BOUNDARY_PX)
    return most - least


def map_loss(mask: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean absolute error of the mask (L_m of Eq. 10)."""
    return ((mask - truth).abs() * weight).sum() / weight.sum()


def certainty_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean cross entropy of the mask.

    This is not in the paper. The gradient of Eq. 10 vanishes where the sigmoid is confident and
    wrong, so flat regions stay wrong. The gradient of the cross entropy does not vanish there.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (entropy * weight).sum() / weight.sum()


def fsb_loss(logits: Tensor, truth: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Return ``lambda1 L_g + lambda2 L_m`` (Eq. 11) plus cross entropy, of logits (B, 1, Y, X)."""
    mask, weight = torch.sigmoid(logits), boundary_weight(truth)
    return (
        LAMBDA_1 * gradient_loss(mask, truth, near, far)
        + LAMBDA_2 * map_loss(mask, truth, weight)
        + LAMBDA_3 * certainty_loss(logits, truth, weight)
    )


def keb_loss(sigma_px: Tensor, truth_px: Tensor) -> Tensor:
    """Return the mean absolute error of sigma, px (Eq. 12)."""
    return torch.abs(sigma_px - truth_px).mean()


def mean_iou(mask: Tensor, truth: Tensor) -> Tensor:
    """Return the intersection over union of each mask, averaged over foreground and background.

    Parameters
    ----------
    mask, truth : Tensor
        Bool, shape (B, ..., Y, X).

    Returns
    -------
    Tensor
        Shape (B,), 0..1. A class that is absent from both masks counts as 1.
    """
    overlaps = []
    for a, b in ((mask, truth), (~mask, ~truth)):
        shared, union = ((a & b).flatten(1).sum(1), (a | b).flatten(1).sum(1))
        overlaps.append(torch.where(union > 0, shared / union.clamp(min=1), 1.0))
    return torch.stack(overlaps).mean(0)


def deb_loss(logits: Tensor, planes: Tensor, layered_depth: Tensor) -> Tensor:
    """Return the weighted mean cross entropy of planes.

    Parameters
    ----------
    logits : Tensor
        Shape (P, Y, X).
    planes : Tensor
        Shape (P, 3, Y, X), coded as sRGB, 0..1.
    layered_depth : Tensor
        Shape (3, Y, X): alpha of the nearest surface in a pixel, its depth, and the depth of the
        surface behind it, plane steps behind the nearest plane.

    Returns
    -------
    Tensor
        Scalar. Pixels near depth edges have larger weights, and so have pixels in which the planes
        differ, because a wrong plane is visible there.
    """
    alpha, front, behind = layered_depth
    grey = planes.mean(1)
    unlike = (grey.amax(0) - grey.amin(0)).clamp(max=MAX_DIFFERENCE)
    beside = near_step(torch.where(alpha > 0.5, front, behind))
    weight = (1 + STEP_WEIGHT * beside) * (1 + DIFFERENCE_WEIGHT * unlike)
    entropy = -(plane_shares(layered_depth, len(logits)) * torch.log_softmax(logits, 0)).sum(0)
    return (entropy * weight).sum() / weight.sum()


def plane_shares(layered_depth: Tensor, planes: int) -> Tensor:
    """Return the share of each pixel that is in focus in each plane, (P, Y, X), 0..1.

    Parameters
    ----------
    layered_depth : Tensor
        Shape (3, Y, X), see :func:`deb_loss`. A surface between two planes counts for both of them,
        in proportion to its distance, and a pixel counts for both surfaces in it.
    planes : int
        Number of planes.
    """
    plane = torch.arange(planes, device=layered_depth.device)[:, None, None]
    alpha, *depths = layered_depth
    front, behind = ((1 - (depth - plane).abs()).clamp(min=0) for depth in depths)
    return alpha * front + (1 - alpha) * behind


def near_step(depth: Tensor) -> Tensor:
    """Return where depth (Y, X) changes by more than a step within :data:`BOUNDARY_PX`, bool."""
    side = 2 * BOUNDARY_PX + 1
    most = functional.max_pool2d(depth[None], side, 1, BOUNDARY_PX)
    least = -functional.max_pool2d(-depth[None], side, 1, BOUNDARY_PX)
    return (most - least)[0] > 1


def meb_loss(logits: Tensor, truth: Tensor, signed_distance_px: Tensor, contrast: Tensor) -> Tensor:
    """Return the error of alpha near depth edges.

    It is the sum of the weighted mean of cross entropy and absolute error, and of the mean squared
    error of the light that alpha mixes from the two planes.

    Parameters
    ----------
    logits, truth : Tensor
        Shape (B, 1, Y, X): log-odds of the front surface, and its true alpha, 0..1.
    signed_distance_px : Tensor
        Same shape: distance from the estimated depth edge, px; 0 where none is near.
    contrast : Tensor
        Same shape, 0..1: mean absolute difference between the two planes. Where it is small, a
        wrong edge is invisible.

    Returns
    -------
    Tensor
        Scalar.
    """
    near = signed_distance_px != 0
    weight = near * (1 + CONTRAST_WEIGHT * contrast.clamp(max=MAX_CONTRAST))
    weight = weight * (1 + NEXT_TO_EDGE_WEIGHT * (signed_distance_px.abs() < BOUNDARY_PX))
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    error = (torch.sigmoid(logits) - truth).abs()
    light = ((error * contrast).square() * near).sum() / near.sum().clamp(min=1)
    return ((entropy + error) * weight).sum() / weight.sum().clamp(min=1) + LIGHT_WEIGHT * light
