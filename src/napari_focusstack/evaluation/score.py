"""Score fused images, also of other programs, on cases with or without ground truth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.elimination.diffusion import METHODS, transition_region
from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.cases import Case, find_image
from napari_focusstack.evaluation.fusion_metrics import q_abf, q_mi, q_y
from napari_focusstack.evaluation.reimaging import unexplained
from napari_focusstack.evaluation.truth_metrics import mean_iou, psnr, ssim
from napari_focusstack.fusion.near_end import prepare
from napari_focusstack.imaging.blur import blur
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation.focus_map import FocusMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from napari_focusstack.evaluation.tables import Row
    from napari_focusstack.fusion.pipeline import Pipeline
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.focal_stack import FocalStack


@dataclass(frozen=True)
class Scores:
    """The scores of one case.

    Parameters
    ----------
    rows : list of dict
        One per fused image. All have ``case``, ``image`` (the elimination method, or the name of
        the other program), ``q_mi``, ``q_abf`` and ``q_y``. If the ground truth is known: ``psnr``,
        dB, ``ssim``, and ``tr`` (PSNR in the transition region, dB). If there is a sigma:
        ``unexplained`` (re-imaging error x 100, see
        :mod:`napari_focusstack.evaluation.reimaging`). The row of the chosen elimination method
        also has ``seconds``; ``residual`` (reblur residual x 100); ``mean_iou`` if the mask is
        known; and if sigma is known ``sigma_error`` (relative), ``reblur_psnr`` and
        ``reblur_ssim`` (the near plane blurred by the estimated Gaussian, against the true one).
    images : dict of str to ndarray
        Planes, fused images by name, and the ground truth if it is known, in that order.
    region : ndarray of bool
        Transition region, (Y, X).
    """

    rows: list[Row]
    images: dict[str, np.ndarray] = field(repr=False)
    region: np.ndarray = field(repr=False)


def evaluate(
    cases: list[Case], parameters: FuseParameters, others: Mapping[str, Path] | None = None
) -> Iterator[Scores]:
    """Fuse each case with every elimination method; score these images and those of others.

    Parameters
    ----------
    cases : list of Case
        See :func:`~napari_focusstack.evaluation.cases.find_cases`.
    parameters : FuseParameters
        As for :func:`napari_focusstack.fuse`.
    others : mapping of str to Path, optional
        Folders of images by the name of the program that fused them, with one image per case,
        named like the case.

    Yields
    ------
    Scores

    Raises
    ------
    InputError
        If an image of another program is missing, or differs from the planes in shape or dtype.
    """
    others = others or {}
    for case in cases:
        for folder in others.values():
            find_image(folder, case)
    for case in cases:
        yield score(case, parameters, others)


def score(case: Case, parameters: FuseParameters, others: Mapping[str, Path]) -> Scores:
    """Fuse and score one case, see :func:`evaluate`."""
    planes = [read_image(case.files[kind]) for kind in ("near", "far")]
    began = time.perf_counter()
    pipeline: Pipeline = run(prepare(planes, parameters))
    pair = pipeline.stack
    focus: FocusMap
    focus, _ = run(pipeline.segment())
    selection = run(pipeline.select())
    psf = pipeline.estimate_psf(focus) if focus.has_occlusions() else None
    chosen, region = run(pipeline.eliminate(focus, psf, selection))
    figures: Row = {"seconds": time.perf_counter() - began}
    fused = {"none": selection.picture}
    for method in METHODS[::-1]:
        if method == parameters.elimination:
            fused[method] = chosen
        elif method != "none":
            fused[method] = run(pipeline.eliminate(focus, psf, selection, method))[0]
    fused |= {name: _read_fused(find_image(f, case), planes[0]) for name, f in others.items()}

    near, far = pair.sources
    truth = read_image(case.files["truth"]) if "truth" in case.files else None
    true_alpha, true_sigma = case.alpha(), case.sigma_px()
    if true_alpha is not None:
        figures["mean_iou"] = mean_iou(focus.labels == 1, true_alpha > 0.5)
        focus = FocusMap.of_pair(torch.from_numpy(true_alpha)[None].to(pair.device))
    if true_sigma is not None and psf is not None:
        figures["sigma_error"] = abs(psf.sigma_px / true_sigma - 1)
        figures |= _reblurred(pair, psf.sigma_px, true_sigma)
    if psf is not None:
        figures["residual"] = 100 * psf.residual
    if true_alpha is not None:
        psf = pipeline.estimate_psf(focus) if focus.has_occlusions() else None
    if true_alpha is not None and psf is not None:
        sigma = psf.sigma_px if true_sigma is None else true_sigma
        region = transition_region(focus.alpha, blur(focus.alpha, sigma))[0].cpu().numpy()
    rows = []
    for name, image in fused.items():
        row: Row = {"case": case.name, "image": name}
        if truth is not None:
            row |= {"psnr": psnr(image, truth), "ssim": ssim(image, truth)}
            if region.any():
                row["tr"] = psnr(image, truth, region)
        if psf is not None:
            row["unexplained"] = 100 * _unexplained(pair, image, focus.alpha, psf)
        row["q_mi"] = q_mi(near, far, image)
        row["q_abf"] = q_abf(near, far, image)
        row["q_y"] = q_y(near, far, image)
        rows.append(row | figures if name == parameters.elimination else row)
    images = {"near": near, "far": far, **fused} | ({} if truth is None else {"truth": truth})
    return Scores(rows, images, region)


def _reblurred(pair: FocalStack, sigma_px: float, true_px: float) -> Row:
    """Compare the near plane blurred by the estimated kernel with that blurred by the true one."""
    estimated, true = (
        pair.intensity.from_light(blur(pair.plane(1, pair.full), sigma).contiguous()).reshape(
            pair.sources[0].shape
        )
        for sigma in (sigma_px, true_px)
    )
    return {"reblur_psnr": psnr(estimated, true), "reblur_ssim": ssim(estimated, true)}


def _read_fused(path: Path, plane: np.ndarray) -> np.ndarray:
    """Read a fused image; InputError if its shape or dtype differs from those of the planes."""
    image = read_image(path)
    if image.shape != plane.shape or image.dtype != plane.dtype:
        raise InputError(
            f"{path} is {image.dtype} {image.shape}, the planes are {plane.dtype} {plane.shape}; "
            "give an image of their size and type."
        )
    return image


def _unexplained(pair: FocalStack, image: np.ndarray, alpha: Tensor, psf: Psf) -> float:
    """Return the re-imaging error of an image in the coding of the planes."""
    light = pair.intensity.to_light(image, pair.device)
    near, far = (pair.plane(number, pair.full) for number in (1, 2))
    return unexplained(light, near, far, alpha, psf)
