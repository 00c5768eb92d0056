"""Folders of cases: their files, ground truth and metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import IMAGE_SUFFIXES
from napari_focusstack.io.reading.image import read_labels
from napari_focusstack.runtime.schemas import CaseMeta, read_json

if TYPE_CHECKING:
    from pathlib import Path


#: ``NAME-near.png``, ``NAME_far.tif``, ...
CASE_FILE = re.compile(r"(?P<name>.+)[-_](?P<kind>near|far|truth|mask|meta)\.\w+$")


@dataclass(frozen=True)
class Case:
    """The files of one case.

    Parameters
    ----------
    name : str
        Common part of the file names.
    files : dict of str to Path
        Files by kind: near, far, and optionally truth, mask (white is foreground) and meta (JSON
        with ``sigma_px``).
    """

    name: str
    files: dict[str, Path]

    def alpha(self) -> np.ndarray | None:
        """Return the true alpha (Y, X), float32, 0..1; None if there is no mask."""
        if "mask" not in self.files:
            return None
        mask = read_labels(self.files["mask"])
        return mask.astype(np.float32) / max(1, int(mask.max()))

    def sigma_px(self) -> float | None:
        """Return the true sigma of K3, px; None if it is unknown."""
        if "meta" not in self.files:
            return None
        return read_json(self.files["meta"], CaseMeta, "description of a case").get("sigma_px")


def find_cases(folder: Path) -> list[Case]:
    """Return the cases of a folder, sorted by name.

    Parameters
    ----------
    folder : Path
        Contains files named ``NAME-near.*``, ``NAME-far.*``, and optionally ``NAME-truth.*``,
        ``NAME-mask.*`` and ``NAME-meta.json``.

    Raises
    ------
    InputError
        If the folder is missing, has no case, or a case lacks a plane.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name one with NAME-near and NAME-far images.")
    cases: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := CASE_FILE.match(path.name):
            cases.setdefault(match["name"], {})[match["kind"]] = path
    if not cases:
        raise InputError(
            f"{folder} has no cases; name their files NAME-near.png, NAME-far.png, ..."
        )
    for name, files in cases.items():
        if missing := {"near", "far"} - set(files):
            raise InputError(f"case {name} in {folder} has no {missing.pop()} plane; add it.")
    return [Case(name, files) for name, files in sorted(cases.items())]


def find_image(folder: Path, case: Case) -> Path:
    """Return the path of another program's image of a case; InputError if there is none."""
    for suffix in (*IMAGE_SUFFIXES, ".jpg"):
        path = folder / f"{case.name}{suffix}"
        if path.is_file():
            return path
    raise InputError(f"{folder} has no image {case.name}.png of case {case.name}; add it.")
