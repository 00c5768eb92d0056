"""Figures of merit for focus stacking, with and without a ground truth.

Images are (Y, X) or (Y, X, 3), uint8, uint16 or float32; images that are compared share shape and
dtype. The three fusion metrics see grey levels 0..255: luminance 0.299 R + 0.587 G + 0.114 B of
8-bit images as it is, of others scaled by the range that the two sources span together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]
    Grey = NDArray[np.float64]

_DATA_RANGE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
_LUMINANCE = np.array([0.299, 0.587, 0.114])
_SSIM_WINDOW_PX = 11
_YANG_WINDOW_PX = 7


def psnr(image: Image, truth: Image, region: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio, 10 log10(range^2 / mean squared error).

    Parameters
    ----------
    image, truth : numpy.ndarray
        Image and ground truth. The range is 255, 65535 or, for float32, 1.
    region : numpy.ndarray, optional
        Bool mask (Y, X) of the pixels that count, such as the transition region; all by default.

    Returns
    -------
    float
        In dB; infinite for identical images.

    Raises
    ------
    InputError
        If the images do not fit each other, or the region is empty or of another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.metrics import psnr
    >>> truth = np.zeros((8, 8), np.uint8)
    >>> round(psnr(truth + np.uint8(51), truth), 2)  # 20 log10(255 / 51)
    13.98
    """
    _check_images(image=image, truth=truth)
    error = (image.astype(np.float64) - truth) ** 2
    if region is not None:
        _check_mask("region", region, image.shape[:2])
        if not region.any():
            raise InputError("The region holds no pixel; mark at least one.")
        error = error[region]
    mean_error = float(error.mean())
    if mean_error == 0:
        return float("inf")
    return float(10 * np.log10(_DATA_RANGE[image.dtype.name] ** 2 / mean_error))


def ssim(image: Image, truth: Image) -> float:
    """Mean structural similarity index of Wang et al. [1]_.

    Gaussian window of sigma 1.5 px, K1 = 0.01, K2 = 0.03; the mean over the channels of RGB.

    Parameters
    ----------
    image, truth : numpy.ndarray
        Image and ground truth, at least 11 px in either direction.

    Returns
    -------
    float
        In -1..1; 1 for identical images.

    Raises
    ------
    InputError
        If the images do not fit each other or are smaller than the window.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from
       error visibility to structural similarity", IEEE Trans. Image Process. 13, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.metrics import ssim
    >>> truth = np.eye(16, dtype=np.float32)
    >>> ssim(truth, truth)
    1.0
    """
    from skimage.metrics import structural_similarity

    _check_images(image=image, truth=truth)
    _check_size(image, _SSIM_WINDOW_PX)
    return float(
        structural_similarity(
            image,
            truth,
            data_range=_DATA_RANGE[image.dtype.name],
            channel_axis=2 if image.ndim == 3 else None,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def mean_iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Mean of the intersections over union of foreground and background.

    Parameters
    ----------
    mask, truth : numpy.ndarray
        Bool masks (Y, X). A class that is absent from both counts as 1, found as it should be.

    Returns
    -------
    float
        In 0..1; 1 for identical masks.

    Raises
    ------
    InputError
        If a mask is not bool and two-dimensional, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.metrics import mean_iou
    >>> truth = np.array([[True, True, False, False]])
    >>> mask = np.array([[True, False, False, False]])
    >>> round(mean_iou(mask, truth), 4)  # (1/2 + 2/3) / 2
    0.5833
    """
    _check_mask("mask", mask, truth.shape)
    _check_mask("truth", truth, mask.shape)
    overlaps = []
    for a, b in ((mask, truth), (~mask, ~truth)):
        union = np.count_nonzero(a | b)
        overlaps.append(np.count_nonzero(a & b) / union if union else 1.0)
    return float(np.mean(overlaps))


def q_mi(near: Image, far: Image, fused: Image) -> float:
    """Normalised mutual information of the fused image with its sources, Q^MI [1]_.

    Q = 2 [MI(A, F) / (H(A) + H(F)) + MI(B, F) / (H(B) + H(F))] on 256 grey levels. Two constant
    images, whose entropies are zero, count as fully informative of each other.

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
        If the images do not fit each other.

    References
    ----------
    .. [1] M. Hossny, S. Nahavandi and D. Creighton, "Comments on 'Information measure for
       performance of image fusion'", Electronics Letters 44(18), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.metrics import q_mi
    >>> plane = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> q_mi(plane, plane, plane)
    2.0
    """
    levels = [np.rint(grey).astype(np.intp) for grey in _grey_levels(near, far, fused)]
    *sources, target = levels
    return sum(_normalised_information(source, target) for source in sources)


def q_abf(near: Image, far: Image, fused: Image) -> float:
    """Edge preservation Q^AB/F of Xydeas and Petrovic [1]_.

    Sobel edges have a strength g and an orientation a, both compared with the fused image's::

        G = min(g_A, g_F) / max(g_A, g_F)       A = 1 - |a_A - a_F| / (pi / 2)
        Q_AF = 0.9994 / (1 + exp(-15 (G - 0.5))) . 0.9879 / (1 + exp(-22 (A - 0.8)))
        Q = sum(Q_AF g_A + Q_BF g_B) / sum(g_A + g_B)

    Orientations are lines, equal modulo pi.

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
        If the images do not fit each other, or neither source has an edge to preserve.

    References
    ----------
    .. [1] C. S. Xydeas and V. Petrovic, "Objective image fusion performance measure", Electronics
       Letters 36(4), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.metrics import q_abf
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

    Windows are Gaussian, sigma 1.5 px, and lie wholly inside the image.

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
        If the images do not fit each other or are smaller than the window.

    References
    ----------
    .. [1] C. Yang, J.-Q. Zhang, X.-R. Wang and X. Liu, "A novel similarity based quality metric
       for image fusion", Information Fusion 9(2), 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.metrics import q_y
    >>> plane = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> q_y(plane, plane, plane)
    1.0
    """
    a, b, f = _grey_levels(near, far, fused)
    _check_size(a, _YANG_WINDOW_PX)
    s_ab, s_af, s_bf = _similarity(a, b), _similarity(a, f), _similarity(b, f)
    var_a, var_b = _covariance(a, a), _covariance(b, b)
    total = var_a + var_b
    share = np.divide(var_a, total, out=np.full_like(total, 0.5), where=total > 0)
    alike = share * s_af + (1 - share) * s_bf
    return float(np.where(s_ab >= 0.75, alike, np.maximum(s_af, s_bf)).mean())


def _normalised_information(source: NDArray[np.intp], target: NDArray[np.intp]) -> float:
    joint = np.bincount((256 * source + target).ravel(), minlength=256 * 256).reshape(256, 256)
    entropies = _entropy(joint.sum(1)) + _entropy(joint.sum(0))
    return 2 * (entropies - _entropy(joint)) / entropies if entropies else 1.0


def _entropy(counts: NDArray[np.intp]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def _sobel(grey: Grey) -> tuple[Grey, Grey]:
    dy, dx = (ndimage.sobel(grey, axis, mode="nearest") for axis in (0, 1))
    return np.hypot(dy, dx), np.arctan2(dy, dx)


def _preserved(strength: Grey, orientation: Grey, strength_f: Grey, orientation_f: Grey) -> Grey:
    stronger = np.maximum(strength, strength_f)
    ratio = np.minimum(strength, strength_f) / np.where(stronger > 0, stronger, 1)
    turn = np.abs(orientation - orientation_f) % np.pi
    alignment = 1 - np.minimum(turn, np.pi - turn) / (np.pi / 2)
    kept_strength = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
    kept_orientation = 0.9879 / (1 + np.exp(-22 * (alignment - 0.8)))
    return kept_strength * kept_orientation


def _window_mean(grey: Grey) -> Grey:
    radius = _YANG_WINDOW_PX // 2
    inside = (slice(radius, -radius),) * 2
    return ndimage.gaussian_filter(grey, 1.5, radius=radius)[inside]


def _covariance(a: Grey, b: Grey) -> Grey:
    return _window_mean(a * b) - _window_mean(a) * _window_mean(b)


def _similarity(a: Grey, b: Grey) -> Grey:
    tiny = 1e-6  # swallows rounding where a window is flat, and changes nothing elsewhere
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    luminance = (2 * mean_a * mean_b + tiny) / (mean_a**2 + mean_b**2 + tiny)
    structure = (2 * _covariance(a, b) + tiny) / (_covariance(a, a) + _covariance(b, b) + tiny)
    return luminance * structure


def _grey_levels(near: Image, far: Image, fused: Image) -> list[Grey]:
    """Luminance of the three images, scaled to 0..255 by what the sources span."""
    _check_images(near=near, far=far, fused=fused)
    images = [image.astype(np.float64) for image in (near, far, fused)]
    if near.ndim == 3:
        images = [image @ _LUMINANCE for image in images]
    if near.dtype != np.uint8:
        low, high = np.min(images[:2]), np.max(images[:2])
        scale = 255 / (high - low) if high > low else 1.0
        images = [np.clip((image - low) * scale, 0, 255) for image in images]
    return images


def _check_images(**images: Image) -> None:
    (first, reference), *others = images.items()
    for name, image in images.items():
        if image.dtype.name not in _DATA_RANGE:
            raise InputError(f"{name} has dtype {image.dtype}; give uint8, uint16 or float32.")
        if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
            raise InputError(f"{name} has shape {image.shape}; give (Y, X) or (Y, X, 3).")
        if not np.isfinite(image).all():
            raise InputError(f"{name} holds NaN or infinite values; replace them first.")
    for name, image in others:
        if image.shape != reference.shape or image.dtype != reference.dtype:
            raise InputError(
                f"{name} is {image.dtype} {image.shape} but {first} is {reference.dtype} "
                f"{reference.shape}; give images of one shape and dtype."
            )


def _check_size(image: Image, window_px: int) -> None:
    if min(image.shape[:2]) < window_px:
        raise InputError(
            f"The images are {image.shape[0]} x {image.shape[1]} px; give at least "
            f"{window_px} px in either direction."
        )


def _check_mask(name: str, mask: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    if mask.dtype != np.bool_ or mask.ndim != 2 or mask.shape != shape:
        raise InputError(
            f"{name} is {mask.dtype} {mask.shape}; give a bool array (Y, X) of shape {shape[:2]}."
        )
