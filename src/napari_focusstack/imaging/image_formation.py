"""Image formation in linear light (Eqs. 3 and 4).

Simulation, PSF estimation and elimination share these functions. They take torch tensors
``(..., C, Y, X)`` on any device. Symbols and equation numbers are those of Liu et al. (AAAI 2024):
``f`` foreground, ``M`` foreground mask (here an alpha in 0..1), ``Mb = 1 - M``, ``b`` background,
``K`` point spread function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.psf_shapes import PsfShape

if TYPE_CHECKING:
    from torch import Tensor


def composite_defocused(
    layer: Tensor,
    alpha: Tensor,
    image: Tensor,
    sigma_px: float | Tensor,
    shape: PsfShape = "gaussian",
) -> Tensor:
    """Composite a defocused layer over an image: ``(layer . M) * K + (1 - M * K) . image`` (Eq. 4).

    Parameters
    ----------
    layer, image : Tensor
        Shape (..., C, Y, X), linear light. The layer has an effect only where alpha > 0.
    alpha : Tensor
        Shape (..., 1, Y, X), 0..1, the coverage of the layer.
    sigma_px : float or Tensor
        Sigma of the layer's blur, px; 0 keeps it sharp. Shape (B,) for a batch.
    shape : {"gaussian", "disk"}
        Shape of the PSF.

    Returns
    -------
    Tensor
        Shape of image.
    """
    return over(blur(premultiply(layer, alpha), sigma_px, shape), image)


def premultiply(layer: Tensor, alpha: Tensor) -> Tensor:
    """Return ``layer . M`` with ``M`` appended as the last channel, shape (..., C + 1, Y, X)."""
    return torch.cat([layer * alpha, alpha], -3)


def over(premultiplied: Tensor, image: Tensor) -> Tensor:
    """Composite a layer from :func:`premultiply`, blurred or not, over an image (..., C, Y, X)."""
    return premultiplied[..., :-1, :, :] + (1 - premultiplied[..., -1:, :, :]) * image


def near_focus(
    foreground: Tensor,
    alpha: Tensor,
    background: Tensor,
    sigma_background_px: float | Tensor,
    shape: PsfShape = "gaussian",
) -> Tensor:
    """Image the scene focused on the foreground: ``N = f.M + Mb.(b * K2)`` (Eq. 3, K1 = delta).

    Parameters
    ----------
    foreground, background : Tensor
        Shape (..., C, Y, X), linear light, 0..1. The background is complete, also under the
        foreground.
    alpha : Tensor
        Shape (..., 1, Y, X), 0..1.
    sigma_background_px : float or Tensor
        Sigma of K2, px.
    shape : {"gaussian", "disk"}
        Shape of the PSF.

    Returns
    -------
    Tensor
        Shape (..., C, Y, X), linear light.
    """
    return composite_defocused(foreground, alpha, blur(background, sigma_background_px, shape), 0.0)


def far_focus(
    foreground: Tensor,
    alpha: Tensor,
    background: Tensor,
    sigma_foreground_px: float | Tensor,
    shape: PsfShape = "gaussian",
) -> Tensor:
    """Image the scene focused on the background: ``F = (f.M) * K3 + (Mb * K3).b`` (Eq. 4).

    Parameters
    ----------
    foreground, background : Tensor
        Shape (..., C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (..., 1, Y, X), 0..1.
    sigma_foreground_px : float or Tensor
        Sigma of K3, px.
    shape : {"gaussian", "disk"}
        Shape of the PSF.

    Returns
    -------
    Tensor
        Shape (..., C, Y, X), linear light, with blurred foreground light on the background around
        the foreground.
    """
    return composite_defocused(foreground, alpha, background, sigma_foreground_px, shape)
