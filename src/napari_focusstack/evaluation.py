"""Score fusion on a folder of cases: planes, and if they are there truth, mask and blur."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack import metrics
from napari_focusstack.diffusion import METHODS, transition_region
from napari_focusstack.errors import InputError
from napari_focusstack.fusion import drain
from napari_focusstack.io.reader import read_image, read_labels
from napari_focusstack.optics import blur
from napari_focusstack.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_focusstack.parameters import FuseParameters

#: ``NAME-near.png``, ``NAME_far.tif``, ...
CASE_FILE = re.compile(r"(?P<name>.+)[-_](?P<kind>near|far|truth|mask|meta)\.\w+$")


@dataclass(frozen=True)
class Case:
    """The files of one case.

    Parameters
    ----------
    name : str
        What they share.
    files : dict of str to Path
        By kind: near, far, and if they are there truth, mask (white is foreground), meta (JSON with
        ``sigma_px``).
    """

    name: str
    files: dict[str, Path]

    def alpha(self) -> np.ndarray | None:
        """Return the true alpha (Y, X), float32, 0..1, or None."""
        if "mask" not in self.files:
            return None
        mask = read_labels(self.files["mask"])
        return mask.astype(np.float32) / max(1, int(mask.max()))

    def sigma_px(self) -> float | None:
        """Return the true sigma of K3, px, or None."""
        if "meta" not in self.files:
            return None
        sigma: float | None = json.loads(self.files["meta"].read_text()).get("sigma_px")
        return sigma


def find_cases(folder: Path) -> list[Case]:
    """Return the cases of a folder, sorted by name.

    Parameters
    ----------
    folder : Path
        Holds files named ``NAME-near.*``, ``NAME-far.*``, and optionally ``NAME-truth.*``,
        ``NAME-mask.*`` and ``NAME-meta.json``.

    Raises
    ------
    InputError
        If the folder is missing, has no case, or a case lacks a plane.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name one with NAME-near and NAME-far images.")
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := CASE_FILE.match(path.name):
            found.setdefault(match["name"], {})[match["kind"]] = path
    if not found:
        raise InputError(
            f"{folder} has no cases; name their files NAME-near.png, NAME-far.png, ..."
        )
    for name, files in found.items():
        if lacking := {"near", "far"} - set(files):
            raise InputError(f"case {name} in {folder} has no {lacking.pop()} plane; add it.")
    return [Case(name, files) for name, files in sorted(found.items())]


def evaluate(cases: list[Case], parameters: FuseParameters) -> Iterator[dict[str, float | str]]:
    """Fuse each case with every elimination method and score it.

    Parameters
    ----------
    cases : list of Case
        See :func:`find_cases`.
    parameters : FuseParameters
        As for :func:`napari_focusstack.fuse`; ``elimination`` names the image scored in full.

    Yields
    ------
    dict
        ``case``, ``seconds``; by what the case knows: ``mean_iou``, ``sigma_error`` (relative),
        ``psnr`` and ``tr_none``, ``tr_subtract``, ``tr_unmix`` (PSNR in the transition
        region, dB), ``ssim``; always ``q_mi``, ``q_abf``, ``q_y`` and ``residual`` (x 100).
    """
    for case in cases:
        yield score(case, parameters)


def score(case: Case, parameters: FuseParameters) -> dict[str, float | str]:
    """Fuse and score one case, see :func:`evaluate`."""
    planes = [read_image(case.files[kind]) for kind in ("near", "far")]
    began = time.perf_counter()
    pair = Pair(planes, parameters)
    alpha, _ = drain(pair.matte())
    psf = pair.psf(alpha) if pair.has_boundary(alpha) else None
    image, _, region = drain(pair.eliminate(alpha, psf))
    row: dict[str, float | str] = {"case": case.name, "seconds": time.perf_counter() - began}

    true_alpha, true_sigma = case.alpha(), case.sigma_px()
    if true_alpha is not None:
        found = alpha[0].cpu().numpy() > 0.5
        row["mean_iou"] = metrics.mean_iou(found, true_alpha > 0.5)
    if true_sigma is not None and psf is not None:
        row["sigma_error"] = abs(psf.sigma_px / true_sigma - 1)
    if "truth" in case.files:
        truth = read_image(case.files["truth"])
        if true_alpha is not None and true_sigma is not None:
            mask = torch.from_numpy(true_alpha)[None]
            region = transition_region(mask, blur(mask, true_sigma))[0].numpy()
        row["psnr"] = metrics.psnr(image, truth)
        row["ssim"] = metrics.ssim(image, truth)
        if region.any():
            for method in METHODS:
                fused = image
                if method != parameters.elimination:
                    fused, _, _ = drain(pair.eliminate(alpha, psf, method))
                row[f"tr_{method}"] = metrics.psnr(fused, truth, region)
    near, far = pair.sources
    row["q_mi"] = metrics.q_mi(near, far, image)
    row["q_abf"] = metrics.q_abf(near, far, image)
    row["q_y"] = metrics.q_y(near, far, image)
    if psf is not None:
        row["residual"] = 100 * psf.residual
    return row


def mean_row(rows: list[dict[str, float | str]]) -> dict[str, float | str]:
    """Return the mean of each column over the rows that have it, named ``mean``."""
    columns = [key for row in rows for key in row if key != "case"]
    means: dict[str, float | str] = {"case": "mean"}
    for column in dict.fromkeys(columns):
        means[column] = float(np.mean([row[column] for row in rows if column in row]))
    return means


def table(rows: list[dict[str, float | str]]) -> str:
    """Return rows as aligned text, one line each, headed by the column names."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns] + [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )


def _cell(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.3f}"
