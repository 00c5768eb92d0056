"""The losses: those of the paper, Eqs. 10-12, for FSB and KEB; ours for DEB and MEB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.laplacian import laplacian

if TYPE_CHECKING:
    from torch import Tensor


#: Weights of the gradient and the map loss in Eq. 11.
LAMBDA_1, LAMBDA_2 = 2.0, 8.0
#: Weight of the cross entropy beside them.
LAMBDA_3 = 4.0
#: What a pixel within this distance of the boundary counts for beyond the others, px.
BOUNDARY_PX, BOUNDARY_WEIGHT = 2, 2.0
#: What a pixel within :data:`BOUNDARY_PX` of a step of depth counts for beyond the others.
STEP_WEIGHT = 3.0
#: What it counts for beyond that for each unit by which planes differ in it, 0..1, up to so much.
UNLIKE_WEIGHT, MOST_UNLIKE = 10.0, 0.4
#: The same of the two planes of an edge; and what a pixel beside the edge counts for beyond others.
EDGE_UNLIKE_WEIGHT, EDGE_MOST_UNLIKE, BESIDE_WEIGHT = 20.0, 0.3, 1.0
#: Weight of the squared error of the light that alpha mixes of them, which is small.
LIGHT_WEIGHT = 500.0


def gradient_loss(mask: Tensor, truth: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Compare the Laplacians of the initial fusions by two masks (L_g of Eq. 10).

    Parameters
    ----------
    mask, truth : Tensor
        Shape (B, 1, Y, X), 0..1, predicted and true alpha.
    near, far : Tensor
        Shape (B, C, Y, X), the planes that Eq. 9 selects from.

    Returns
    -------
    Tensor
        Scalar. Since R = M.N + (1 - M).F is linear in M, it is the Laplacian of (M - M').(N - F).
    """
    return laplacian((mask - truth) * (near - far)).square().mean()


def boundary_weight(truth: Tensor) -> Tensor:
    """Return what a pixel's error counts for, (B, 1, Y, X): more where alpha is not 0 or 1.

    Not in the paper: elimination is decided within a few pixels of the boundary, which are one in
    ten; alone they would hardly be heard.
    """
    return 1 + BOUNDARY_WEIGHT * boundary(truth)


def boundary(truth: Tensor) -> Tensor:
    """Return how much alpha changes within :data:`BOUNDARY_PX` of a pixel, (B, 1, Y, X), 0..1."""
    side = 2 * BOUNDARY_PX + 1
    most = functional.max_pool2d(truth, side, 1, BOUNDARY_PX)
    least = -functional.max_pool2d(-truth, side, 1, BOUNDARY_PX)
    return most - least


def map_loss(mask: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean absolute error of the mask (L_m of Eq. 10)."""
    return ((mask - truth).abs() * weight).sum() / weight.sum()


def certainty_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean cross entropy of the mask.

    Not in the paper: the gradient of Eq. 10 vanishes where the sigmoid is sure and wrong, and flat
    regions stay so; cross entropy does not let them.
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


def mean_iou(found: Tensor, true: Tensor) -> Tensor:
    """Return the mean of the IoU of foreground and background of each mask.

    Parameters
    ----------
    found, true : Tensor
        Bool, shape (B, ..., Y, X).

    Returns
    -------
    Tensor
        Shape (B,), 0..1; a class absent from both is found as it should be.
    """
    overlaps = []
    for a, b in ((found, true), (~found, ~true)):
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
        Shape (P, 3, Y, X), 0..1.
    layered_depth : Tensor
        Shape (3, Y, X): alpha of the nearest surface in a pixel, its depth, and that of what lies
        behind it, plane steps from the nearest plane.

    Returns
    -------
    Tensor
        Scalar; pixels near steps of depth count more, and so do those that the planes show
        unlike, where a wrong plane is seen.
    """
    alpha, front, behind = layered_depth
    grey = planes.mean(1)
    unlike = (grey.amax(0) - grey.amin(0)).clamp(max=MOST_UNLIKE)
    beside = near_step(torch.where(alpha > 0.5, front, behind))
    weight = (1 + STEP_WEIGHT * beside) * (1 + UNLIKE_WEIGHT * unlike)
    entropy = -(plane_shares(layered_depth, len(logits)) * torch.log_softmax(logits, 0)).sum(0)
    return (entropy * weight).sum() / weight.sum()


def plane_shares(layered_depth: Tensor, planes: int) -> Tensor:
    """Return how much of a pixel is in focus in each plane, (P, Y, X), from (3, Y, X).

    What lies between two planes is shared by them, and so is a pixel by the surfaces in it.
    """
    plane = torch.arange(planes, device=layered_depth.device)[:, None, None]
    alpha, *depths = layered_depth
    front, behind = ((1 - (depth - plane).abs()).clamp(min=0) for depth in depths)
    return alpha * front + (1 - alpha) * behind


def near_step(depth: Tensor) -> Tensor:
    """Return where depth (Y, X) differs by more than a plane within :data:`BOUNDARY_PX`, bool."""
    side = 2 * BOUNDARY_PX + 1
    most = functional.max_pool2d(depth[None], side, 1, BOUNDARY_PX)
    least = -functional.max_pool2d(-depth[None], side, 1, BOUNDARY_PX)
    return (most - least)[0] > 1


def meb_loss(logits: Tensor, truth: Tensor, side_px: Tensor, contrast: Tensor) -> Tensor:
    """Return the error of alpha near steps of depth.

    It is the weighted mean of cross entropy and absolute error, and the mean squared error of the
    light that alpha mixes of both planes.

    Parameters
    ----------
    logits, truth : Tensor
        Shape (B, 1, Y, X): log-odds of the front surface, and its true share, 0..1.
    side_px : Tensor
        Same shape: distance from the step that was found, px, 0 where none is near.
    contrast : Tensor
        Same shape: mean difference between the two planes, 0..1; where they are alike a wrong
        edge is not seen.

    Returns
    -------
    Tensor
        Scalar.
    """
    near = side_px != 0
    weight = near * (1 + EDGE_UNLIKE_WEIGHT * contrast.clamp(max=EDGE_MOST_UNLIKE))
    weight = weight * (1 + BESIDE_WEIGHT * (side_px.abs() < BOUNDARY_PX))
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    error = (torch.sigmoid(logits) - truth).abs()
    light = ((error * contrast).square() * near).sum() / near.sum().clamp(min=1)
    return ((entropy + error) * weight).sum() / weight.sum().clamp(min=1) + LIGHT_WEIGHT * light
