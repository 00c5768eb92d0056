"""Fuse two planes: segment, estimate the PSF, remove the veil, keep the rest bit for bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.layer_planes import focus_of, is_layer
from napari_focusstack.optics import check_sigma
from napari_focusstack.pair import Pair
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.progress import Progress
from napari_focusstack.psf import check_method
from napari_focusstack.segmentation import alpha_from_labels, labels_from_alpha

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from torch import Tensor

    from napari_focusstack.diffusion import EliminationMethod
    from napari_focusstack.lens import Psf
    from napari_focusstack.pair import Planes

    Steps = Generator[Progress, None, Any]


@dataclass
class FusionResult:
    """What :func:`fuse` found.

    Parameters
    ----------
    image : ndarray
        All-in-focus image, shape and dtype of a plane. Outside ``transition_region`` each pixel is
        that of a source plane, bit for bit.
    initial : ndarray
        Initial fusion (Eq. 9 with the hard mask): source pixels only, halo and all.
    labels : ndarray of uint8
        Shape (Y, X): 1 where the near plane is in focus, 2 where the far one is.
    alpha : ndarray of float32
        Shape (Y, X), 0..1: how much of each pixel the foreground covers.
    transition_region : ndarray of bool
        Shape (Y, X): where no source pixel is right and light was computed.
    psf : Psf or None
        Both blurs, their shape and the reblur residual; None where the mask has no boundary or
        nothing was eliminated.
    intensity : {"linear", "srgb"}
        How pixel values were taken to stand for light.
    crf_backend : str or None
        Which CRF refined the mask.
    weights : dict of str to str
        SHA-256 of the networks' weights that were used.
    parameters : dict
        Everything needed to repeat the result.
    """

    image: np.ndarray
    initial: np.ndarray
    labels: np.ndarray
    alpha: np.ndarray
    transition_region: np.ndarray
    psf: Psf | None
    intensity: str
    crf_backend: str | None
    weights: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        pair: Pair,
        alpha: Tensor,
        psf: Psf | None,
        eliminated: tuple[np.ndarray, np.ndarray, np.ndarray],
        crf_backend: str | None,
    ) -> FusionResult:
        """Gather what was found of a pair; ``eliminated`` as :meth:`Pair.eliminate` returns it."""
        image, initial, region = eliminated
        return cls(
            image=image,
            initial=initial,
            labels=labels_from_alpha(alpha),
            alpha=alpha[0].cpu().numpy(),
            transition_region=region,
            psf=psf,
            intensity=pair.intensity.coding,
            crf_backend=crf_backend,
            weights=pair.weights,
            parameters=asdict(pair.parameters),
        )

    @property
    def sigma_px(self) -> float | None:
        """Sigma of the foreground's blur in the far plane, px (per plane step)."""
        return self.psf.sigma_px if self.psf else None

    @property
    def consistency(self) -> float | None:
        """Reblur residual, 0..1 in linear light: a quality figure that needs no truth."""
        return self.psf.residual if self.psf else None

    def figures(self) -> dict[str, Any]:
        """Return what was found, for the record: blur, residual, coding, share computed."""
        return {
            "sigma_px": self.sigma_px,
            "sigma_background_px": self.psf.sigma_background_px if self.psf else None,
            "psf_shape": self.psf.shape if self.psf else None,
            "breathing": asdict(self.psf.breathing) if self.psf else None,
            "reblur_residual": self.consistency,
            "intensity": self.intensity,
            "crf_backend": self.crf_backend,
            "transition_region": float(self.transition_region.mean()),
        }

    @property
    def diffusion(self) -> np.ndarray:
        """What was removed: initial minus image, float32, in pixel values."""
        return self.initial.astype(np.float32) - self.image.astype(np.float32)

    @property
    def depth(self) -> np.ndarray:
        """Plane steps behind the nearest plane, (Y, X) float32."""
        return self.labels.astype(np.float32) - 1


def drain(steps: Steps, progress: Callable[[Progress], None] | None = None) -> Any:
    """Run a generator of steps to its end and return its result; tell progress of each."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if progress is not None:
            progress(step)


def fuse_steps(
    planes: Planes, labels: np.ndarray | None, parameters: FuseParameters
) -> Generator[Progress, None, FusionResult]:
    """Fuse step by step: as :func:`fuse`, but yielding progress; close it to stop."""
    check_method(parameters.psf)
    pair = Pair(planes, parameters)
    backend = None
    labels = labels.data if is_layer(labels) else labels
    if labels is None:
        alpha, backend = yield from pair.matte()
    else:
        alpha = alpha_from_labels(labels, pair.size).to(pair.device)
    psf = (yield from pair.psf_steps(alpha)) if pair.is_veiled(alpha) else None
    eliminated = yield from pair.eliminate(alpha, psf)
    return FusionResult.of(pair, alpha, psf, eliminated, backend)


def fuse(
    planes: Planes,
    *,
    labels: np.ndarray | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> FusionResult:
    """Fuse two planes into one all-in-focus image without the halo around the foreground.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        Array (2, Y, X) or (2, Y, X, 3), or a list of two (Y, X) or (Y, X, 3) arrays, nearest plane
        first; uint8, uint16 or float32. In napari also a stack layer, or a near and a far layer:
        what a layer's metadata say of its focus axis and its near end is honoured.
    labels : ndarray or layer, optional
        Shape (Y, X): 1 where the near plane is in focus, 0 or 2 elsewhere; or a mask of 0 and 255;
        or an alpha in 0..1 as floats. Found by FSB if not given.
    progress : callable, optional
        Called with a :class:`~napari_focusstack.progress.Progress` after each tile.
    **options
        Fields of :class:`~napari_focusstack.parameters.FuseParameters`: ``psf``, ``psf_shape``,
        ``elimination``, ``intensity``, ``near``, ``device``, ``crf``, ``tile_px``, ...

    Returns
    -------
    FusionResult

    Raises
    ------
    InputError
        If planes, labels or an option cannot be used; the message says why and what to do.

    Examples
    --------
    >>> import napari_focusstack as nfs
    >>> near, far, truth = nfs.sample_pair(size=(96, 128))
    >>> result = nfs.fuse([near, far], psf="reblur", device="cpu")
    >>> result.image.shape, result.image.dtype
    ((96, 128, 3), dtype('uint8'))
    """
    if is_layer(planes) and "near" not in options:
        options["near"] = focus_of(planes).get("near", "first")
    return drain(fuse_steps(planes, labels, FuseParameters(**options)), progress)


def segment(
    planes: Planes, *, progress: Callable[[Progress], None] | None = None, **options: Any
) -> np.ndarray:
    """Find the foreground with FSB: uint8 labels (Y, X), 1 near and 2 far.

    Parameters
    ----------
    planes, progress, **options
        As for :func:`fuse`.

    Returns
    -------
    ndarray of uint8

    Raises
    ------
    InputError
        If planes or an option cannot be used.
    """
    pair = Pair(planes, FuseParameters(**options))
    alpha, _ = drain(pair.matte(), progress)
    return labels_from_alpha(alpha)


def estimate_psf(planes: Planes, labels: np.ndarray, **options: Any) -> float:
    """Estimate the blur of the foreground in the far plane.

    Parameters
    ----------
    planes, **options
        As for :func:`fuse`; ``psf`` names the method.
    labels : ndarray
        As for :func:`fuse`.

    Returns
    -------
    float
        Sigma of K3, px.

    Raises
    ------
    InputError
        If planes or labels cannot be used, or the mask has no boundary.
    """
    pair = Pair(planes, FuseParameters(**options))
    return pair.psf(alpha_from_labels(labels, pair.size).to(pair.device)).sigma_px


def eliminate(
    planes: Planes,
    labels: np.ndarray,
    sigma_px: float,
    *,
    method: EliminationMethod = "unmix",
    **options: Any,
) -> np.ndarray:
    """Remove the veil with a known mask and blur.

    Parameters
    ----------
    planes, **options
        As for :func:`fuse`.
    labels : ndarray
        As for :func:`fuse`.
    sigma_px : float
        Sigma of K3, the foreground's blur in the far plane, px.
    method : {"unmix", "subtract", "none"}
        How.

    Returns
    -------
    ndarray
        All-in-focus image, shape and dtype of a plane.

    Raises
    ------
    InputError
        If planes, labels, sigma or method cannot be used.
    """
    if "psf" in options or "elimination" in options:
        raise InputError("eliminate takes sigma_px and method in place of psf and elimination.")
    sigma_px = check_sigma(sigma_px)
    result: FusionResult = fuse(planes, labels=labels, psf=sigma_px, elimination=method, **options)
    return result.image
