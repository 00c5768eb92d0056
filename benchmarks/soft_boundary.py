"""Gain by a soft boundary: alpha of FSB, the CRF, a guided filter and PyMatting.

    pip install pymatting
    python benchmarks/soft_boundary.py CASES

CASES is a folder made by ``napari-focusstack simulate``. For each alpha, the blur is estimated and
the blurred foreground is eliminated in the same way. The means over all cases are printed.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pymatting import estimate_alpha_cf
from scipy.ndimage import binary_dilation, binary_erosion, uniform_filter

from napari_focusstack.elimination.diffusion import transition_region
from napari_focusstack.evaluation import truth_metrics as metrics
from napari_focusstack.evaluation.cases import Case, find_cases
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.imaging.blur import blur
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.networks import weights
from napari_focusstack.networks.tiled_fsb import segment_tiled
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.memory import memory_budget
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation.crf import refine
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.segmentation.labels import (
    SOFT_REACH_PX,
    antialias,
    apply_hard_mask,
    clamp_soft_band,
)

#: Window of the guided filter, px, and the variance of its guide above which there is an edge.
WINDOW_PX, EDGE = 9, 1e-3

Alpha = np.ndarray
Refinement = Callable[[Alpha, np.ndarray], torch.Tensor]


def tensor(alpha: Alpha) -> torch.Tensor:
    """Return (Y, X) as (1, Y, X), float32."""
    return torch.from_numpy(np.ascontiguousarray(alpha, np.float32))[None]


def crf(alpha: Alpha, guide: np.ndarray) -> torch.Tensor:
    """Follow the CRF wherever it disagrees with FSB."""
    probability, _ = refine(alpha, guide)
    return clamp_soft_band(apply_hard_mask(tensor(alpha), tensor(probability) > 0.5))


def guided_filter(alpha: Alpha, guide: np.ndarray) -> torch.Tensor:
    """Fit alpha by the near plane's grey in small windows."""
    grey = guide.mean(2, dtype=np.float32) / 255
    mean_grey, mean_alpha = (uniform_filter(image, WINDOW_PX) for image in (grey, alpha))
    slope = uniform_filter(grey * alpha, WINDOW_PX) - mean_grey * mean_alpha
    slope /= uniform_filter(grey * grey, WINDOW_PX) - mean_grey**2 + EDGE
    offset = mean_alpha - slope * mean_grey
    fitted = uniform_filter(slope, WINDOW_PX) * grey + uniform_filter(offset, WINDOW_PX)
    return clamp_soft_band(tensor(fitted.clip(0, 1)))


def closed_form(alpha: Alpha, guide: np.ndarray) -> torch.Tensor:
    """Solve the matting Laplacian in a band along FSB's edge."""
    mask = alpha > 0.5
    trimap = np.full(mask.shape, 0.5)
    trimap[binary_erosion(mask, iterations=SOFT_REACH_PX, border_value=1)] = 1
    trimap[~binary_dilation(mask, iterations=SOFT_REACH_PX)] = 0
    return clamp_soft_band(tensor(estimate_alpha_cf(guide / 255.0, trimap).clip(0, 1)))


REFINEMENTS: dict[str, Refinement] = {
    "FSB": lambda alpha, guide: clamp_soft_band(tensor(alpha)),
    "FSB, hard": lambda alpha, guide: tensor(alpha > 0.5),
    "hard, antialiased": lambda alpha, guide: antialias(tensor(alpha) > 0.5),
    "CRF": crf,
    "guided filter": guided_filter,
    "closed form": closed_form,
}


def score(case: Case, parameters: FuseParameters) -> dict[str, tuple[float, ...]]:
    """Return seconds, alpha error along the true edge, PSNR in the transition region and whole."""
    pipeline = Pipeline([read_image(case.files[kind]) for kind in ("near", "far")], parameters)
    displayed = [pipeline.stack.display(plane, pipeline.stack.full) for plane in (1, 2)]
    network, _ = weights.load("fsb", pipeline.stack.device, parameters.fsb_weights)
    estimate = run(segment_tiled(network, *displayed, parameters.tile_px, memory_budget()))[
        0
    ].numpy()
    guide = (displayed[0].permute(1, 2, 0) * 255).round().byte().numpy()
    truth, true_alpha = read_image(case.files["truth"]), tensor(case.alpha())
    region = transition_region(true_alpha, blur(true_alpha, case.sigma_px()))[0].numpy()
    mask = true_alpha[0].numpy() > 0.5
    edge = binary_dilation(mask, iterations=3) & ~binary_erosion(mask, iterations=3)
    figures = {}
    for name, refinement in {**REFINEMENTS, "truth": lambda *_: true_alpha}.items():
        began = time.perf_counter()
        alpha = refinement(estimate, guide)
        seconds = time.perf_counter() - began
        focus = FocusMap.of_pair(alpha)
        psf = pipeline.estimate_psf(focus) if focus.has_occlusions() else None
        image = run(pipeline.eliminate(focus, psf))[0]
        error = float((alpha - true_alpha).abs()[0].numpy()[edge].mean())
        figures[name] = (
            seconds, error, metrics.psnr(image, truth, region), metrics.psnr(image, truth)
        )  # fmt: skip
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    cases = [
        case
        for case in find_cases(parser.parse_args().cases)
        if (alpha := case.alpha()) is not None and alpha.min() < 0.5 < alpha.max()
    ]
    rows = [score(case, FuseParameters()) for case in cases]
    print(f"{'alpha':>18}{'seconds':>9}{'edge error':>12}{'tr':>8}{'psnr':>8}")
    for name in rows[0]:
        seconds, error, tr, psnr = np.mean([row[name] for row in rows], axis=0)
        print(f"{name:>18}{seconds:>9.3f}{error:>12.4f}{tr:>8.2f}{psnr:>8.2f}")


if __name__ == "__main__":
    main()
