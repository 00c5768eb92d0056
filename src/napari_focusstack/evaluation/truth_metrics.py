"""Metrics against a ground truth: PSNR, SSIM, mean IoU.

Images are (Y, X) or (Y, X, 3), of any type of number. Images that are compared have the same
shape and dtype.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.image_checks import check_images, check_size
from napari_focusstack.imaging.number_types import full_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_focusstack.evaluation.image_checks import Image


#: Side of the window of SSIM, px (Wang et al. 2004).
_SSIM_WINDOW_PX = 11


def psnr(image: Image, truth: Image, region: NDArray[np.bool_] | None = None) -> float:
    """Peak signal-to-noise ratio, 10 log10(range^2 / mean squared error).

    Parameters
    ----------
    image, truth : numpy.ndarray
        Image and ground truth. The range is 255, 65535 or, for float32, 1.
    region : numpy.ndarray, optional
        Bool mask (Y, X) of the pixels that count, such as the transition region; default all.

    Returns
    -------
    float
        In dB; infinite for identical images.

    Raises
    ------
    InputError
        If the images differ in shape or dtype, or the region is empty or of another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.evaluation.truth_metrics import psnr
    >>> truth = np.zeros((8, 8), np.uint8)
    >>> round(psnr(truth + np.uint8(51), truth), 2)  # 20 log10(255 / 51)
    13.98
    """
    check_images(image=image, truth=truth)
    error = (image.astype(np.float64) - truth) ** 2
    if region is not None:
        _check_mask("region", region, image.shape[:2])
        if not region.any():
            raise InputError("The region holds no pixel; mark at least one.")
        error = error[region]
    mean_error = float(error.mean())
    if mean_error == 0:
        return float("inf")
    return float(10 * np.log10(full_scale(image.dtype) ** 2 / mean_error))


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
        If the images differ in shape or dtype, or are smaller than the window.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from
       error visibility to structural similarity", IEEE Trans. Image Process. 13, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.evaluation.truth_metrics import ssim
    >>> truth = np.eye(16, dtype=np.float32)
    >>> ssim(truth, truth)
    1.0
    """
    from skimage.metrics import structural_similarity

    check_images(image=image, truth=truth)
    check_size(image, _SSIM_WINDOW_PX)
    return float(
        structural_similarity(
            image,
            truth,
            data_range=full_scale(image.dtype),
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
        Bool masks (Y, X). A class that is absent from both counts as 1.

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
    >>> from napari_focusstack.evaluation.truth_metrics import mean_iou
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


def _check_mask(name: str, mask: NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    """Raise InputError unless a mask is bool and has this shape (Y, X)."""
    if mask.dtype != np.bool_ or mask.ndim != 2 or mask.shape != shape:
        raise InputError(
            f"{name} is {mask.dtype} {mask.shape}; give a bool array (Y, X) of shape {shape[:2]}."
        )
