"""Fuse a focal stack: segment, estimate the PSF, remove the veil, keep the rest bit for bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.focus_map import FocusMap
from napari_focusstack.inpainting import inpaint
from napari_focusstack.layer_planes import focus_of, is_layer
from napari_focusstack.optics import check_sigma
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.progress import Progress
from napari_focusstack.psf import check_method
from napari_focusstack.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.diffusion import EliminationMethod
    from napari_focusstack.lens import Psf
    from napari_focusstack.registration import Registration
    from napari_focusstack.stack import Planes

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
    focus : FocusMap
        What is in focus where.
    transition_region : ndarray of bool
        Shape (Y, X): where no source pixel is right and light was computed.
    psf : Psf or None
        Both blurs, their shape and the reblur residual; None where nothing was eliminated.
    near : {"first", "last"}
        Which end of the planes that were given is nearest to the lens.
    intensity : {"linear", "srgb"}
        How pixel values were taken to stand for light.
    crf_backend : str or None
        Which CRF refined the mask.
    registration : Registration or None
        How the planes were moved to lie on each other; None where nobody looked.
    plain : str
        Why nothing was eliminated and every pixel is a source pixel; empty where it was.
    diagnosis : Diagnosis or None
        Planes that are doubled, misplaced, missing or of no use; None of a pair, and where labels
        were given.
    weights : dict of str to str
        SHA-256 of the networks' weights that were used.
    parameters : dict
        Everything needed to repeat the result.
    """

    image: np.ndarray
    initial: np.ndarray
    focus: FocusMap
    transition_region: np.ndarray
    psf: Psf | None
    near: Literal["first", "last"]
    intensity: str
    crf_backend: str | None
    registration: Registration | None = None
    plain: str = ""
    diagnosis: Diagnosis | None = None
    weights: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        stack: Stack,
        focus: FocusMap,
        psf: Psf | None,
        eliminated: tuple[np.ndarray, np.ndarray, np.ndarray],
        crf_backend: str | None,
        diagnosis: Diagnosis | None = None,
    ) -> FusionResult:
        """Gather what was found; ``eliminated`` as :meth:`Stack.eliminate` returns it."""
        image, initial, region = eliminated
        return cls(
            image=image,
            initial=initial,
            focus=focus,
            transition_region=region,
            psf=psf,
            near=stack.near,
            intensity=stack.intensity.coding,
            crf_backend=crf_backend,
            registration=stack.registration,
            plain=stack.plain,
            diagnosis=diagnosis,
            weights=stack.weights,
            parameters=asdict(stack.parameters),
        )

    @property
    def labels(self) -> np.ndarray:
        """The plane in focus, (Y, X), uint8 (uint16 beyond 255 planes): 1 is the nearest."""
        return self.focus.labels

    @property
    def alpha(self) -> np.ndarray:
        """How much of each pixel the nearest surface in it covers, (Y, X), float32, 0..1."""
        return self.focus.alpha[0].cpu().numpy()

    @property
    def depth(self) -> np.ndarray:
        """Distance behind the nearest plane, (Y, X), float32, in the unit of ``z_step``.

        Where :attr:`filled` says so, it is interpolated from what is around; labels are not.
        """
        found = self.focus.depth
        if self.focus.planes > 2:
            found = inpaint(found, self.focus.confidence)
        return (found[0] - 1).cpu().numpy() * np.float32(self.parameters["z_step"] or 1)

    @property
    def confidence(self) -> np.ndarray:
        """How sure depth is, (Y, X), float32, 0..1.

        Of planes that DEB looked at: how probably focus lies between the two planes that depth
        lies between, above chance, and 0 where no plane shows detail. 1 where labels were given or
        painted. Of a pair ``|2 alpha - 1|``.
        """
        return self.focus.confidence[0].cpu().numpy()

    @property
    def filled(self) -> np.ndarray:
        """Which pixels' depth is interpolated, for it was less sure than 0.2, (Y, X), bool."""
        return self.focus.holes[0].cpu().numpy()

    @property
    def valid(self) -> np.ndarray:
        """Which pixels every plane shows, (Y, X), bool; what lies beyond its border is a guess."""
        everywhere = np.ones(self.focus.size, bool)
        if self.registration is not None:
            for number in range(1, self.focus.planes + 1):
                everywhere &= self.registration.valid(number)
        return everywhere

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
            "planes": self.focus.planes,
            "registration": self.registration.to_dict() if self.registration else None,
            "near": self.near,
            "sigma_px": self.sigma_px,
            "sigma_background_px": self.psf.sigma_background_px if self.psf else None,
            "psf_shape": self.psf.shape if self.psf else None,
            "breathing": asdict(self.psf.breathing) if self.psf else None,
            "reblur_residual": self.consistency,
            "plain": self.plain or None,
            "intensity": self.intensity,
            "crf_backend": self.crf_backend,
            "transition_region": float(self.transition_region.mean()),
            "filled": float(self.filled.mean()),
            "findings": self.diagnosis.sentences() if self.diagnosis else [],
        }

    @property
    def diffusion(self) -> np.ndarray:
        """What was removed: initial minus image, float32, in pixel values."""
        return self.initial.astype(np.float32) - self.image.astype(np.float32)


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
    planes: Planes,
    labels: np.ndarray | FocusMap | None,
    parameters: FuseParameters,
    registration: Registration | None = None,
    budget_bytes: int | None = None,
) -> Generator[Progress, None, FusionResult]:
    """Fuse step by step: as :func:`fuse`, but yielding progress; close it to stop.

    Tiles take at most ``budget_bytes`` of memory, half of what is free if not given.
    """
    check_method(parameters.psf)
    stack = Stack(planes, parameters, budget_bytes)
    yield from stack.align(registration)
    backend, diagnosis = None, None
    labels = labels.data if is_layer(labels) else labels
    if labels is None:
        focus, backend = yield from stack.find_focus()
        diagnosis = yield from stack.look_through(focus.labels)
    else:
        focus = labels if isinstance(labels, FocusMap) else stack.read_labels(labels)
    psf = yield from stack.find_psf(focus)
    eliminated = yield from stack.eliminate(focus, psf)
    return FusionResult.of(stack, focus, psf, eliminated, backend, diagnosis)


def fuse(
    planes: Planes,
    *,
    labels: np.ndarray | FocusMap | None = None,
    registration: Registration | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> FusionResult:
    """Fuse planes into one all-in-focus image without the halo around what stands in front.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        Array (P, Y, X) or (P, Y, X, 3), or a list of (Y, X) or (Y, X, 3) arrays, nearest plane
        first, P >= 2; uint8, uint16 or float32; or those of a ``PlaneStore``. In napari also a
        stack layer, or a near and a far layer: what a layer's metadata say of its focus axis and
        its near end is honoured.
    labels : ndarray, layer or FocusMap, optional
        Shape (Y, X): the plane in focus, 1 is the nearest, 0 the farthest. Of a pair also a mask of
        0 and 255, or an alpha in 0..1 as floats. The ``focus`` of another result, such as of
        another channel, is taken as it is. Found by FSB and DEB if not given.
    registration : Registration, optional
        How the planes lie, found before: of another channel, another time point, or from a file.
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
    return drain(fuse_steps(planes, labels, FuseParameters(**options), registration), progress)


def segment(
    planes: Planes, *, progress: Callable[[Progress], None] | None = None, **options: Any
) -> np.ndarray:
    """Find the plane in focus: uint8 labels (Y, X), 1 is the nearest.

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
    stack = Stack(planes, FuseParameters(**options))
    drain(stack.align(), progress)
    focus: FocusMap
    focus, _ = drain(stack.find_focus(), progress)
    return focus.labels


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
    stack = Stack(planes, FuseParameters(**options))
    drain(stack.align())
    return stack.psf(stack.read_labels(labels)).sigma_px


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
