"""Fuse a focal stack: segment, estimate the PSF, eliminate the halo, copy the rest bit for bit."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.canvas import Canvas
from napari_focusstack.fusion.near_end import fits_reversed, prepare, prepare_and_segment
from napari_focusstack.fusion.painted_labels import PaintedLabels
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.fusion.result import FusionResult, crop_region
from napari_focusstack.imaging.kernels import check_sigma
from napari_focusstack.parameters import FuseParameters, SegmentationParameters
from napari_focusstack.planes.layer_planes import focus_axis_of, focus_of, is_layer, positions_of
from napari_focusstack.psf_estimation.estimate import check_method
from napari_focusstack.runtime.progress import Progress, run
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.source.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_focusstack.elimination.diffusion import EliminationMethod
    from napari_focusstack.planes.focal_stack import Planes
    from napari_focusstack.registration.transforms import Registration


def fuse_steps(
    planes: Planes,
    labels: np.ndarray | FocusMap | PaintedLabels | None,
    parameters: FuseParameters,
    registration: Registration | None = None,
    budget_bytes: int | None = None,
    positions: Sequence[float] | None = None,
) -> Generator[Progress, None, FusionResult]:
    """Fuse as :func:`fuse`, but yield progress, and do not crop; close the generator to stop.

    Tiles take at most ``budget_bytes`` of memory, half of the free memory if not given.
    """
    check_method(parameters.psf)
    given = planes, parameters, registration, budget_bytes, positions
    labels = PaintedLabels.of(labels) if is_layer(labels) else labels
    if isinstance(labels, PaintedLabels):
        return (yield from _fuse_painted(labels, *given))
    backend, diagnosis = None, None
    if labels is None:
        pipeline, focus, backend = yield from prepare_and_segment(*given)
    else:
        pipeline = yield from prepare(*given)
        focus = pipeline.read_labels(labels)
        if parameters.near == "auto":
            pipeline.labels_are_reversed = fits_reversed(pipeline, focus)
    if labels is None or isinstance(labels, FocusMap):
        selection = yield from pipeline.select()
        if labels is None:
            diagnosis = yield from pipeline.diagnose(selection.source)
    else:
        selection = Selection.by_labels(pipeline.stack, focus.labels)
    psf = yield from pipeline.find_psf(focus)
    eliminated = yield from pipeline.eliminate(focus, psf, selection)
    return FusionResult.of(pipeline, focus, psf, selection, eliminated, backend, diagnosis)


def _fuse_painted(
    painted: PaintedLabels,
    planes: Planes,
    parameters: FuseParameters,
    registration: Registration | None,
    budget_bytes: int | None,
    positions: Sequence[float] | None,
) -> Generator[Progress, None, FusionResult]:
    """Fuse with labels that were painted over an estimate, as the brush of the dock does."""
    estimate = painted.estimate
    if parameters.near == "auto" and estimate.near == "last":
        parameters = replace(parameters, near="last")
    if estimate.parameters is not None:  # the record says how these labels were estimated
        names = [each.name for each in fields(SegmentationParameters)]
        given = {name: getattr(estimate.parameters, name) for name in names}
        parameters = replace(parameters, **given)
    moves = registration or estimate.registration
    pipeline = yield from prepare(planes, parameters, moves, budget_bytes, positions)
    pipeline.weights = dict(estimate.weights)
    focus = pipeline.read_labels(estimate.focus)
    edited = focus.with_labels(painted.labels)  # as the dock decides whether a blur is needed
    if estimate.has_psf_for(parameters) and pipeline.needs_psf(edited):
        psf, pipeline.plain = estimate.psf, estimate.plain
    else:
        psf = yield from pipeline.find_psf(edited)
    selection = yield from pipeline.select()
    canvas = Canvas(pipeline, focus, psf, edited.labels, selection, painted.decided)
    yield from canvas.fuse()
    eliminated = canvas.image, canvas.region
    return FusionResult.of(
        pipeline, canvas.focus, psf, canvas.selection, eliminated, estimate.crf_backend
    )


def fuse(
    planes: Planes,
    /,
    *,
    labels: np.ndarray | FocusMap | PaintedLabels | None = None,
    registration: Registration | None = None,
    positions: Sequence[float] | None = None,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> FusionResult:
    """Fuse planes into one all-in-focus image without halo around the foreground.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        Array (P, Y, X) or (P, Y, X, 3), or a list of (Y, X) or (Y, X, 3) arrays, nearest plane
        first, P >= 2, of integers or floats (bool is taken as float32); or those of a
        ``PlaneStore``. In napari also a
        stack layer, or a near and a far layer. Focus axis, near end and positions are then read
        from the metadata of the layer.
    labels : ndarray, layer, PaintedLabels or FocusMap, optional
        Shape (Y, X): the plane in focus, 1 is the nearest, 0 the farthest. With ``near="auto"``
        the first plane is then the nearest. For a pair also a mask
        of 0 and 255, or an alpha in 0..1 as floats. They name the surface and the source of each
        pixel. The ``focus`` of another result, such as of another channel, names the surfaces
        only. A Labels layer that napari's dock made, or labels that :func:`read_labels` read from
        its file, carry what they were painted over: soft edges, the blur and the registration.
        Estimated by the networks if not given.
    registration : Registration, optional
        A known registration: of another channel, another time point, or from a file.
    positions : sequence of float, optional
        Where each plane lies along the axis, such as ``[0, 1, 2, 6, 12]``, in the order of the
        planes and the unit of depth. Steps are equal if not given.
    progress : callable, optional
        Called with a :class:`~napari_focusstack.runtime.progress.Progress` after each tile.
    **options
        Fields of :class:`~napari_focusstack.parameters.FuseParameters`: ``psf``, ``psf_shape``,
        ``elimination``, ``intensity``, ``near``, ``planes``, ``device``, ``crf``, ...
        ``planes`` chooses among the planes, as text (``"3:40:2"``) or numbers from 1.

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
    if is_layer(planes):
        options.setdefault("near", focus_of(planes).get("near", "auto"))
        positions = positions or positions_of(planes, focus_axis_of(planes))
    parameters = FuseParameters(**options)
    steps = fuse_steps(planes, labels, parameters, registration, positions=positions)
    result = run(steps, progress)
    return result.cropped() if parameters.crop else result


def segment(
    planes: Planes, /, *, progress: Callable[[Progress], None] | None = None, **options: Any
) -> np.ndarray:
    """Estimate the plane in focus: labels (Y, X), 1 is the nearest.

    Parameters
    ----------
    planes, progress, **options
        As for :func:`fuse`. With ``near="auto"`` the first plane is the nearest.

    Returns
    -------
    ndarray of uint8, or of uint16 beyond 255 planes

    Raises
    ------
    InputError
        If planes or an option cannot be used.
    """
    parameters = FuseParameters(**options)
    pipeline: Pipeline = run(prepare(planes, parameters), progress)
    focus: FocusMap
    focus, _ = run(pipeline.segment(), progress)
    return focus.labels[crop_region(pipeline.visible.by_all)] if parameters.crop else focus.labels


def estimate_psf(planes: Planes, /, labels: np.ndarray, **options: Any) -> float:
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
        If planes or labels cannot be used, or the foreground has no boundary.
    """
    pipeline: Pipeline = run(prepare(planes, FuseParameters(**options)))
    return pipeline.estimate_psf(pipeline.read_labels(labels)).sigma_px


def eliminate(
    planes: Planes,
    /,
    labels: np.ndarray,
    sigma_px: float,
    *,
    method: EliminationMethod = "unmix",
    **options: Any,
) -> np.ndarray:
    """Eliminate the halo with known labels and a known blur.

    Parameters
    ----------
    planes, **options
        As for :func:`fuse`.
    labels : ndarray
        As for :func:`fuse`.
    sigma_px : float
        Sigma of K3, the foreground's blur in the far plane, px.
    method : {"unmix", "subtract", "none"}
        The method of elimination.

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
