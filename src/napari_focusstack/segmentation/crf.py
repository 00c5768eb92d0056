"""Refinement of a foreground probability by a fully connected conditional random field (CRF).

A network's mask is right about where the foreground is, but its edge is a few pixels off. The near
plane shows the true edge. The dense CRF moves the mask to that edge: it favours equal labels for
pixels that lie close together and have similar colours.

With ``u`` the log-odds of the given probability, two classes and Potts penalties, the mean-field
update of Krähenbühl and Koltun (2011) becomes one equation for the log-odds ``l``::

    l_i = u_i + sum_k w_k sum_j K_k(i, j) tanh(l_j / 2)

``K_1`` is a Gaussian of position (smoothness), ``K_2`` a Gaussian of position and colour
(appearance). Each is normalised symmetrically, D^-1/2 K D^-1/2. The sum over k, the message, is
bounded by the sum of the weights, so a pixel changes sides only where its neighbours outvote it.

Two backends evaluate the same energy. ``pydensecrf`` is the authors' code. ``torch`` needs nothing
beyond this package's dependencies, and does not block other threads of the interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Image = NDArray[np.float32]

Backend = Literal["auto", "pydensecrf", "torch"]
#: Pixels above which messages are computed at a half or a third of the size (speed).
_MAX_PIXELS = 1_000_000
#: Side of the guided filter's window, px (convention).
_GUIDED_WINDOW_PX = 5
#: Variance below which the guide counts as flat, grey levels squared (convention).
_GUIDED_VARIANCE = 5.0**2


@dataclass(frozen=True)
class CrfParameters:
    """Settings of the dense CRF. The defaults are conventions, see Method in the documentation.

    Attributes
    ----------
    iterations : int
        Mean-field iterations, at least 1.
    certainty : float
        Probabilities are clipped to ``1 - certainty .. certainty``, so that a confident but wrong
        network can still be corrected. Between 0.5 and 1.
    smoothness_weight : float
        Weight of the Gaussian of position, in log-odds.
    smoothness_sigma_px : float
        Its standard deviation, px.
    appearance_weight : float
        Weight of the Gaussian of position and colour, in log-odds.
    appearance_extent : float
        Its standard deviation in position, as a fraction of the image diagonal.
    colour_sigma : float
        Its standard deviation in colour, in grey levels of the 8-bit guide, at least 1.

    Raises
    ------
    InputError
        If a value lies outside its range.
    """

    iterations: int = 5
    certainty: float = 0.95
    smoothness_weight: float = 1.0
    smoothness_sigma_px: float = 2.0
    appearance_weight: float = 5.0
    appearance_extent: float = 0.1
    colour_sigma: float = 10.0

    def __post_init__(self) -> None:
        """Raise InputError for values for which the energy is not defined."""
        for name, valid, choice in (
            ("iterations", self.iterations >= 1, "1 or more"),
            ("certainty", 0.5 < self.certainty < 1, "a value between 0.5 and 1"),
            ("smoothness_weight", self.smoothness_weight >= 0, "0 or more"),
            ("smoothness_sigma_px", self.smoothness_sigma_px > 0, "a value above 0"),
            ("appearance_weight", self.appearance_weight >= 0, "0 or more"),
            ("appearance_extent", self.appearance_extent > 0, "a value above 0"),
            ("colour_sigma", self.colour_sigma >= 1, "1 or more"),
        ):
            if not valid:
                raise InputError(f"{name} is {getattr(self, name)}; choose {choice}.")


def refine(
    probability: NDArray[np.floating],
    guide: NDArray[np.uint8],
    parameters: CrfParameters = CrfParameters(),
    backend: Backend = "auto",
) -> tuple[NDArray[np.float32], str]:
    """Move a foreground probability to the edges of a guide image.

    It minimises the energy of a fully connected CRF [1]_ by mean field. Above a million pixels the
    messages are computed at half the size, above four million at a third of the size. A guided
    filter [2]_ brings them back to full size. That is faster and keeps thin structures.

    Parameters
    ----------
    probability : numpy.ndarray
        Probability of foreground, floating point, shape (Y, X), in 0..1.
    guide : numpy.ndarray
        Image whose edges the mask follows, usually the near plane; uint8, (Y, X) or (Y, X, 3).
    parameters : CrfParameters
        Settings of the energy.
    backend : {"auto", "pydensecrf", "torch"}
        "auto" takes pydensecrf where it is installed and torch elsewhere.

    Returns
    -------
    refined : numpy.ndarray
        Marginal probability of foreground, float32, shape (Y, X).
    used : str
        The backend that ran, "pydensecrf" or "torch".

    Raises
    ------
    InputError
        If the shapes, dtypes or values do not fit, the backend is unknown, or pydensecrf is asked
        for and not installed.

    References
    ----------
    .. [1] P. Krähenbühl and V. Koltun, "Efficient inference in fully connected CRFs with Gaussian
       edge potentials", NeurIPS 2011.
    .. [2] K. He and J. Sun, "Fast guided filter", arXiv:1505.00996, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_focusstack.segmentation.crf import refine
    >>> guide = np.full((64, 64), 40, np.uint8)
    >>> guide[:, 32:] = 200
    >>> too_wide = np.full((64, 64), 0.1, np.float32)
    >>> too_wide[:, 29:] = 0.9
    >>> refined, used = refine(too_wide, guide, backend="torch")
    >>> int((refined > 0.5).sum()) // 64, used
    (32, 'torch')
    """
    _check(probability, guide)
    used = _choose(backend)
    messages = _messages_pydensecrf if used == "pydensecrf" else _messages_torch
    logit = _logit(probability, parameters)
    # A structure thinner than the factor vanishes from the small guide, so the factor is at most 3.
    factor = min(3, int(np.ceil(np.sqrt(logit.size / _MAX_PIXELS))))
    if factor == 1:
        return _sigmoid(logit + messages(logit, guide, parameters)), used
    small = (-(-logit.shape[0] // factor), -(-logit.shape[1] // factor))
    small_guide = np.rint(_resample(guide, small, "area")).astype(np.uint8)
    small_logit = _logit(_resample(probability, small, "area"), parameters)
    scaled = replace(parameters, smoothness_sigma_px=parameters.smoothness_sigma_px / factor)
    message = messages(small_logit, small_guide, scaled)
    return _sigmoid(logit + _guided_upsample(message, small_guide, guide)), used


def _check(probability: NDArray[np.floating], guide: NDArray[np.uint8]) -> None:
    """Raise InputError if the images do not fit."""
    if probability.ndim != 2 or not np.issubdtype(probability.dtype, np.floating):
        raise InputError(
            f"The probability has shape {probability.shape} and dtype {probability.dtype}; "
            "give a floating-point array (Y, X)."
        )
    if guide.dtype != np.uint8 or guide.shape not in (probability.shape, (*probability.shape, 3)):
        raise InputError(
            f"The guide has shape {guide.shape} and dtype {guide.dtype}; give uint8 of the "
            f"probability's shape {probability.shape}, with or without a last axis of 3 colours."
        )
    if not probability.size:
        raise InputError(f"The probability is empty, shape {probability.shape}; give an image.")
    low, high = float(probability.min()), float(probability.max())
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise InputError(f"The probability spans {low:g}..{high:g}; give values in 0..1.")


def _choose(backend: str) -> str:
    """Return the backend that runs."""
    installed = find_spec("pydensecrf") is not None
    if backend == "auto":
        return "pydensecrf" if installed else "torch"
    if backend not in ("pydensecrf", "torch"):
        raise InputError(f"The backend is {backend!r}; choose auto, pydensecrf or torch.")
    if backend == "pydensecrf" and not installed:
        raise InputError(
            "The backend pydensecrf is not installed; install the extra with "
            "'pip install napari-focusstack[crf]' or choose torch."
        )
    return backend


def _logit(probability: NDArray[np.floating], parameters: CrfParameters) -> Image:
    """Return the log-odds of clipped probabilities."""
    p = np.clip(probability, 1 - parameters.certainty, parameters.certainty).astype(np.float32)
    return np.log(p / (1 - p))


def _sigmoid(logit: Image) -> Image:
    return (1 / (1 + np.exp(-logit))).astype(np.float32)


def _kernels(guide: NDArray[np.uint8], parameters: CrfParameters) -> Iterator[tuple[Image, float]]:
    """Yield features (pixel, dimension), in units of sigma, and weight of each Gaussian kernel."""
    shape = guide.shape[:2]
    position = np.indices(shape, dtype=np.float32).reshape(2, -1).T
    yield position / np.float32(parameters.smoothness_sigma_px), parameters.smoothness_weight
    colour = guide.reshape(len(position), -1) / np.float32(parameters.colour_sigma)
    extent_px = np.float32(parameters.appearance_extent * np.hypot(*shape))
    yield np.hstack([position / extent_px, colour]), parameters.appearance_weight


def _messages_pydensecrf(
    logit: Image, guide: NDArray[np.uint8], parameters: CrfParameters
) -> Image:
    from pydensecrf.densecrf import DenseCRF

    crf = DenseCRF(logit.size, 2)
    half = logit.ravel() / 2
    crf.setUnaryEnergy(np.stack([half, -half]))
    for features, weight in _kernels(guide, parameters):
        crf.addPairwiseEnergy(np.ascontiguousarray(features.T), compat=weight)
    marginal = np.clip(crf.inference(parameters.iterations), np.finfo(np.float32).tiny, 1)
    refined: Image = np.log(marginal[1] / marginal[0]).reshape(logit.shape)
    return refined - logit


def _messages_torch(logit: Image, guide: NDArray[np.uint8], parameters: CrfParameters) -> Image:
    import torch

    from napari_focusstack.segmentation.permutohedral import LatticeGaussian

    kernels = [
        (LatticeGaussian(torch.from_numpy(features)), weight)
        for features, weight in _kernels(guide, parameters)
    ]
    unary = torch.from_numpy(logit.ravel())
    message = torch.zeros_like(unary)
    for _ in range(parameters.iterations):
        agreement = torch.tanh((unary + message) / 2)
        message = sum((w * k.filter(agreement) for k, w in kernels), torch.zeros_like(unary))
    return message.numpy().reshape(logit.shape)


def _resample(image: NDArray[np.generic], shape: tuple[int, int], mode: str) -> Image:
    import torch

    planes = torch.from_numpy(np.atleast_3d(image).astype(np.float32)).permute(2, 0, 1)[None]
    resampled = torch.nn.functional.interpolate(planes, size=shape, mode=mode)
    return resampled[0].permute(1, 2, 0).numpy().reshape(*shape, *image.shape[2:])


def _guided_upsample(
    message: Image, small_guide: NDArray[np.uint8], guide: NDArray[np.uint8]
) -> Image:
    """Fit message = a . guide + b in small windows, and evaluate it on the full-size guide."""
    from scipy.ndimage import uniform_filter

    def mean(values: Image) -> Image:
        return np.asarray(uniform_filter(values, _GUIDED_WINDOW_PX), np.float32)

    def grey(image: NDArray[np.uint8]) -> Image:
        return np.atleast_3d(image).mean(2, dtype=np.float32)

    small = grey(small_guide) - np.float32(128)  # centred, for the precision of float32
    covariance = mean(small * message) - mean(small) * mean(message)
    variance = mean(small * small) - mean(small) ** 2
    slope = covariance / (variance + _GUIDED_VARIANCE)
    offset = mean(message) - slope * mean(small)
    shape = (guide.shape[0], guide.shape[1])
    slope_full, offset_full = (_resample(mean(v), shape, "bilinear") for v in (slope, offset))
    return slope_full * (grey(guide) - np.float32(128)) + offset_full
