"""Metrics of fused images that need no ground truth: Q^MI, Q^AB/F, Q^Y.

They compare grey levels 0..255. These are the luminance of 8-bit images. The luminance of other
images is scaled by the common range of the two sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.image_checks import check_images, check_size
from napari_focusstack.imaging.luminance import CODED_WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_focusstack.evaluation.image_checks import Grey, Image

#: Side of the windows of Q^Y, px (Yang et al. 2008).
_YANG_WINDOW_PX = 7


def q_mi(near: Image, far: Image, fused: Image) -> float:
    """Normalised mutual information of the fused image with its sources, Q^MI [1]_.

    Q = 2 [MI(A, F) / (H(A) + H(F)) + MI(B, F) / (H(B) + H(F))] on 256 grey levels. Two constant
    images, whose entropies are 0, count as equal.

    Parameters
    ----------
    near, far, fused : numpy.ndarray
        Sources A and B, and the fused image F.

    Returns
    -------
    float
        In 0..2; 2 when the three are identical.

    Raises
    ------
    InputError
        If the images differ in shape or dtype.

    References
    ----------
    .. [1] M. Hossny, S. Nahavandi and D. Creighton, "Comments on 'Information measure for
       performance of image fusion'", Electronics Letters 44(18), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.evaluation.fusion_metrics import q_mi
    >>> plane = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> q_mi(plane, plane, plane)
    2.0
    """
    levels = [np.rint(grey).astype(np.intp) for grey in _grey_levels(near, far, fused)]
    *sources, target = levels
    return sum(_normalised_information(source, target) for source in sources)


def q_abf(near: Image, far: Image, fused: Image) -> float:
    """Edge preservation Q^AB/F of Xydeas and Petrovic [1]_.

    Sobel edges have a strength g and an orientation a. Both are compared with those of the fused
    image::

        G = min(g_A, g_F) / max(g_A, g_F)       A = 1 - |a_A - a_F| / (pi / 2)
        Q_AF = 0.9994 / (1 + exp(-15 (G - 0.5))) . 0.9879 / (1 + exp(-22 (A - 0.8)))
        Q = sum(Q_AF g_A + Q_BF g_B) / sum(g_A + g_B)

    Orientations are equal modulo pi.

    Parameters
    ----------
    near, far, fused : numpy.ndarray
        Sources A and B, and the fused image F.

    Returns
    -------
    float
        In 0..0.9748, the value of the constants above for G = A = 1.

    Raises
    ------
    InputError
        If the images differ in shape or dtype, or neither source has an edge to preserve.

    References
    ----------
    .. [1] C. S. Xydeas and V. Petrovic, "Objective image fusion performance measure", Electronics
       Letters 36(4), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.evaluation.fusion_metrics import q_abf
    >>> plane = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> round(q_abf(plane, plane, plane), 4)
    0.9748
    """
    *sources, target = (_sobel(grey) for grey in _grey_levels(near, far, fused))
    total = sum(float(strength.sum()) for strength, _ in sources)
    if total == 0:
        raise InputError("Both sources are constant; Q^AB/F needs an edge to preserve.")
    kept = 0.0
    for strength, orientation in sources:
        kept += float((strength * _preserved(strength, orientation, *target)).sum())
    return kept / total


def q_y(near: Image, far: Image, fused: Image) -> float:
    """Structural similarity of the fused image to its sources, Q^Y of Yang et al. [1]_.

    In each 7 x 7 window, with s the structural similarity and lambda = var A / (var A + var B)::

        Q = lambda s(A, F) + (1 - lambda) s(B, F)    where s(A, B) >= 0.75
            max(s(A, F), s(B, F))                    elsewhere

    Windows are Gaussian, sigma 1.5 px. Only windows inside the image count.

    Parameters
    ----------
    near, far, fused : numpy.ndarray
        Sources A and B, and the fused image F, at least 7 px in either direction.

    Returns
    -------
    float
        The mean, in -1..1; 1 when the three are identical.

    Raises
    ------
    InputError
        If the images differ in shape or dtype, or are smaller than the window.

    References
    ----------
    .. [1] C. Yang, J.-Q. Zhang, X.-R. Wang and X. Liu, "A novel similarity based quality metric
       for image fusion", Information Fusion 9(2), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.evaluation.fusion_metrics import q_y
    >>> plane = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> q_y(plane, plane, plane)
    1.0
    """
    a, b, f = _grey_levels(near, far, fused)
    check_size(a, _YANG_WINDOW_PX)
    s_ab, s_af, s_bf = _similarity(a, b), _similarity(a, f), _similarity(b, f)
    var_a, var_b = _covariance(a, a), _covariance(b, b)
    total = var_a + var_b
    share = np.divide(var_a, total, out=np.full_like(total, 0.5), where=total > 0)
    weighted = share * s_af + (1 - share) * s_bf
    return float(np.where(s_ab >= 0.75, weighted, np.maximum(s_af, s_bf)).mean())


def _normalised_information(source: NDArray[np.intp], target: NDArray[np.intp]) -> float:
    """Return ``2 MI / (H + H)`` of two images of 256 levels, 0..1."""
    joint = np.bincount((256 * source + target).ravel(), minlength=256 * 256).reshape(256, 256)
    entropies = _entropy(joint.sum(1)) + _entropy(joint.sum(0))
    return 2 * (entropies - _entropy(joint)) / entropies if entropies else 1.0


def _entropy(counts: NDArray[np.intp]) -> float:
    """Return the entropy of a histogram, bits."""
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def _sobel(grey: Grey) -> tuple[Grey, Grey]:
    """Return strength and orientation, rad, of edges."""
    dy, dx = (ndimage.sobel(grey, axis, mode="nearest") for axis in (0, 1))
    return np.hypot(dy, dx), np.arctan2(dy, dx)


def _preserved(strength: Grey, orientation: Grey, strength_f: Grey, orientation_f: Grey) -> Grey:
    """Return Q_AF of :func:`q_abf` for each pixel."""
    stronger = np.maximum(strength, strength_f)
    ratio = np.minimum(strength, strength_f) / np.where(stronger > 0, stronger, 1)
    angle = np.abs(orientation - orientation_f) % np.pi
    alignment = 1 - np.minimum(angle, np.pi - angle) / (np.pi / 2)
    kept_strength = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
    kept_orientation = 0.9879 / (1 + np.exp(-22 * (alignment - 0.8)))
    return kept_strength * kept_orientation


def _window_mean(grey: Grey) -> Grey:
    """Return the mean of each window inside the image."""
    radius = _YANG_WINDOW_PX // 2
    inside = (slice(radius, -radius),) * 2
    return ndimage.gaussian_filter(grey, 1.5, radius=radius)[inside]


def _covariance(a: Grey, b: Grey) -> Grey:
    """Return the covariance of two images in each window."""
    return _window_mean(a * b) - _window_mean(a) * _window_mean(b)


def _similarity(a: Grey, b: Grey) -> Grey:
    """Return the structural similarity of two images in each window."""
    tiny = 1e-6  # above rounding errors in flat windows, negligible elsewhere
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    luminance = (2 * mean_a * mean_b + tiny) / (mean_a**2 + mean_b**2 + tiny)
    structure = (2 * _covariance(a, b) + tiny) / (_covariance(a, a) + _covariance(b, b) + tiny)
    return luminance * structure


def _grey_levels(near: Image, far: Image, fused: Image) -> list[Grey]:
    """Return the luminance of the three images, 0..255."""
    check_images(near=near, far=far, fused=fused)
    images = [image.astype(np.float64) for image in (near, far, fused)]
    if near.ndim == 3:
        images = [image @ np.array(CODED_WEIGHTS) for image in images]
    if near.dtype != np.uint8:
        low, high = np.min(images[:2]), np.max(images[:2])
        scale = 255 / (high - low) if high > low else 1.0
        images = [np.clip((image - low) * scale, 0, 255) for image in images]
    return images
