"""Score fused images, ours and others', on a folder of cases with or without truth."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack import metrics
from napari_focusstack.diffusion import METHODS, transition_region
from napari_focusstack.errors import InputError
from napari_focusstack.focus_map import FocusMap
from napari_focusstack.fusion import drain
from napari_focusstack.io.reader import read_image, read_labels
from napari_focusstack.io.writer import IMAGE_SUFFIXES
from napari_focusstack.optics import blur
from napari_focusstack.reimaging import unexplained
from napari_focusstack.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from napari_focusstack.lens import Psf
    from napari_focusstack.parameters import FuseParameters

    Row = dict[str, float | str]

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


@dataclass(frozen=True)
class Scores:
    """What one case came to.

    Parameters
    ----------
    rows : list of dict
        One per fused image: ``case``, ``image`` (the elimination method, or the name of the program
        that made it); where the truth is known ``psnr``, ``ssim`` and ``tr`` (PSNR in the
        transition region, dB); ``unexplained`` (x 100, see :mod:`napari_focusstack.reimaging`),
        ``q_mi``, ``q_abf``, ``q_y``. The row of the chosen elimination has besides, where mask and
        blur are known, ``mean_iou``, ``sigma_error`` (relative), ``reblur_psnr`` and
        ``reblur_ssim`` (the near plane blurred by the estimated Gaussian, against the true one),
        ``residual`` (x 100) and ``seconds``.
    images : dict of str to ndarray
        Planes, fused images by name, and the truth where it is known, in that order.
    region : ndarray of bool
        Transition region, (Y, X).
    """

    rows: list[Row]
    images: dict[str, np.ndarray] = field(repr=False)
    region: np.ndarray = field(repr=False)


def evaluate(
    cases: list[Case], parameters: FuseParameters, others: Mapping[str, Path] | None = None
) -> Iterator[Scores]:
    """Fuse each case with every elimination method and score it, and images made elsewhere.

    Parameters
    ----------
    cases : list of Case
        See :func:`find_cases`.
    parameters : FuseParameters
        As for :func:`napari_focusstack.fuse`.
    others : mapping of str to Path, optional
        Folders of images fused by other programs, one per case, named as the case; by the name of
        the program.

    Yields
    ------
    Scores

    Raises
    ------
    InputError
        If another program's image is missing, or of another size or type than the planes.
    """
    others = others or {}
    for case in cases:
        for folder in others.values():
            find_image(folder, case)
    for case in cases:
        yield score(case, parameters, others)


def find_image(folder: Path, case: Case) -> Path:
    """Return the image that another program made of a case."""
    for suffix in (*IMAGE_SUFFIXES, ".jpg"):
        path = folder / f"{case.name}{suffix}"
        if path.is_file():
            return path
    raise InputError(f"{folder} has no image {case.name}.png of case {case.name}; add it.")


def score(case: Case, parameters: FuseParameters, others: Mapping[str, Path]) -> Scores:
    """Fuse and score one case, see :func:`evaluate`."""
    planes = [read_image(case.files[kind]) for kind in ("near", "far")]
    began = time.perf_counter()
    pair = Stack(planes, parameters)
    drain(pair.align())
    focus: FocusMap
    focus, _ = drain(pair.find_focus())
    psf = pair.psf(focus) if focus.has_steps() else None
    chosen, initial, region = drain(pair.eliminate(focus, psf))
    found: Row = {"seconds": time.perf_counter() - began}
    fused = {"none": initial}
    for method in METHODS[::-1]:
        if method == parameters.elimination:
            fused[method] = chosen
        elif method != "none":
            fused[method] = drain(pair.eliminate(focus, psf, method))[0]
    fused |= {name: _read_fused(find_image(f, case), planes[0]) for name, f in others.items()}

    near, far = pair.sources
    truth = read_image(case.files["truth"]) if "truth" in case.files else None
    true_alpha, true_sigma = case.alpha(), case.sigma_px()
    if true_alpha is not None:
        found["mean_iou"] = metrics.mean_iou(focus.labels == 1, true_alpha > 0.5)
        focus = FocusMap.of_pair(torch.from_numpy(true_alpha)[None].to(pair.device))
    if true_sigma is not None and psf is not None:
        found["sigma_error"] = abs(psf.sigma_px / true_sigma - 1)
        found |= _reblurred(pair, psf.sigma_px, true_sigma)
    if psf is not None:
        found["residual"] = 100 * psf.residual
    if true_alpha is not None:
        psf = pair.psf(focus) if focus.has_steps() else None
    if true_alpha is not None and psf is not None:
        sigma = psf.sigma_px if true_sigma is None else true_sigma
        region = transition_region(focus.alpha, blur(focus.alpha, sigma))[0].cpu().numpy()
    rows = []
    for name, image in fused.items():
        row: Row = {"case": case.name, "image": name}
        if truth is not None:
            row |= {"psnr": metrics.psnr(image, truth), "ssim": metrics.ssim(image, truth)}
            if region.any():
                row["tr"] = metrics.psnr(image, truth, region)
        if psf is not None:
            row["unexplained"] = 100 * _unexplained(pair, image, focus.alpha, psf)
        row["q_mi"] = metrics.q_mi(near, far, image)
        row["q_abf"] = metrics.q_abf(near, far, image)
        row["q_y"] = metrics.q_y(near, far, image)
        rows.append(row | found if name == parameters.elimination else row)
    images = {"near": near, "far": far, **fused} | ({} if truth is None else {"truth": truth})
    return Scores(rows, images, region)


def _reblurred(pair: Stack, found_px: float, true_px: float) -> Row:
    """Compare the near plane under the kernel that was found and under the true one."""
    found, true = (
        pair.intensity.from_light(blur(pair.light(1, pair.whole), sigma).contiguous()).reshape(
            pair.sources[0].shape
        )
        for sigma in (found_px, true_px)
    )
    return {"reblur_psnr": metrics.psnr(found, true), "reblur_ssim": metrics.ssim(found, true)}


def _read_fused(path: Path, plane: np.ndarray) -> np.ndarray:
    """Return a fused image that fits the planes."""
    image = read_image(path)
    if image.shape != plane.shape or image.dtype != plane.dtype:
        raise InputError(
            f"{path} is {image.dtype} {image.shape}, the planes are {plane.dtype} {plane.shape}; "
            "give an image of their size and type."
        )
    return image


def _unexplained(pair: Stack, image: np.ndarray, alpha: Tensor, psf: Psf) -> float:
    light = pair.intensity.to_light(image, pair.device)
    near, far = (pair.light(plane, pair.whole) for plane in (1, 2))
    return unexplained(light, near, far, alpha, psf)


def mean_rows(rows: list[Row]) -> list[Row]:
    """Return, for each image, the mean of each column over the cases that have it."""
    means: list[Row] = []
    for name in dict.fromkeys(row["image"] for row in rows):
        own = [row for row in rows if row["image"] == name]
        columns = dict.fromkeys(key for row in own for key in row if key not in ("case", "image"))
        mean: Row = {"case": "mean", "image": name}
        for column in columns:
            mean[column] = float(np.mean([row[column] for row in own if column in row]))
        means.append(mean)
    return means


def columns_of(rows: list[Row]) -> list[str]:
    """Return the names of the columns that any row has, in order."""
    return list(dict.fromkeys(key for row in rows for key in row))


def table(rows: list[Row]) -> str:
    """Return rows as aligned text, one line each, headed by the column names."""
    columns = columns_of(rows)
    cells = [columns] + [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )


def _cell(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.3f}"


def as_json(rows: list[Row]) -> str:
    """Return rows as JSON; a figure that is not finite, which JSON lacks, is text."""
    plain = [
        {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in rows
    ]
    return json.dumps(plain, indent=2)


def as_csv(rows: list[Row]) -> str:
    """Return rows as comma-separated values, headed by the column names."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns_of(rows), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
