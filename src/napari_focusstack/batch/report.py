"""The report of a batch: the outcome of each source, written after each and read to resume."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from napari_focusstack.errors import InputError
from napari_focusstack.files import size_of, write_text
from napari_focusstack.io.reading.formats.dispatch import has_reader
from napari_focusstack.io.reading.image import images_in
from napari_focusstack.provenance import SOFTWARE
from napari_focusstack.runtime.schemas import BatchItem, BatchReport, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_focusstack.batch.job import Outcome
    from napari_focusstack.parameters import FuseParameters


REPORT = "batch.json"
#: Parameters that influence where work is done, but not its result.
EXECUTION_ONLY = ("device", "tile_px")


class Report:
    """The file ``batch.json`` in the folder of the outputs.

    Parameters
    ----------
    folder : Path
        Folder of the outputs.
    settings : str
        From :func:`settings_hash`.
    resume : bool
        Whether to continue an existing report.

    Raises
    ------
    InputError
        If the report to continue is damaged.
    """

    def __init__(self, folder: Path, settings: str, *, resume: bool) -> None:
        self.path, self._folder, self._settings = folder / REPORT, folder, settings
        self.items: dict[str, BatchItem] = {}
        if resume and self.path.exists():
            try:
                self.items = read_json(self.path, BatchReport, "report of a batch")["items"]
            except InputError as error:
                raise InputError(
                    f"{self.path} is no report of a batch; delete it, or run without resuming."
                ) from error

    def is_done(self, source: Path) -> bool:
        """Return whether a source was fused with these settings, and its outputs are complete."""
        item = self.items.get(str(source))
        return (
            item is not None
            and item["status"] == "done"
            and item["settings"] == self._settings
            and item["source"] == fingerprint(source)
            and all(
                (self._folder / name).exists() and size_of(self._folder / name) == size
                for name, size in item["outputs"].items()
            )
        )

    def add(self, outcome: Outcome, source: dict[str, int] | None) -> None:
        """Add an outcome, with the fingerprint that its source had before the work, and write."""
        item = asdict(outcome)
        del item["source"]
        item |= {"settings": self._settings, "source": source}
        self.items[str(outcome.source)] = cast("BatchItem", item)
        report = {"software": SOFTWARE, "items": self.items}
        write_text(self.path, json.dumps(report, indent=1))


def earlier_outputs(folder: Path) -> dict[str, int]:
    """Return the files that earlier batches wrote into a folder and their sizes, by its report."""
    try:
        items = read_json(folder / REPORT, BatchReport, "report of a batch")["items"]
    except InputError:
        return {}
    return {name: size for item in items.values() for name, size in item["outputs"].items()}


def fingerprint(source: Path) -> dict[str, int] | None:
    """Return number of files, size and last change of a source; None if it does not exist.

    Examples
    --------
    >>> fingerprint(Path("nowhere.tif")) is None
    True
    """
    try:
        files = [path.stat() for path in _files_of(source)]
    except (InputError, OSError):
        return None
    return {
        "files": len(files),
        "bytes": sum(file.st_size for file in files),
        "modified_ns": max(file.st_mtime_ns for file in files),
    }


def _files_of(source: Path) -> list[Path]:
    """Return the files of a source: itself, the images of a folder, or all of an OME-Zarr."""
    if not source.is_dir():
        return [source]
    if has_reader(source):
        return [path for path in source.rglob("*") if path.is_file()]
    return images_in(source)


def settings_hash(parameters: FuseParameters, others: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything that decides the outputs: parameters, weights, version.

    Parameters
    ----------
    parameters : FuseParameters
        Parameters of the fusions.
    others : mapping
        Further settings, as values that JSON has.

    Raises
    ------
    InputError
        If a file of weights cannot be read.
    """
    from importlib.metadata import version

    settings = {k: v for k, v in asdict(parameters).items() if k not in EXECUTION_ONLY}
    settings |= {**others, "version": version(SOFTWARE)}
    for name in (name for name in settings if name.endswith("_weights")):
        if settings[name] is not None:
            try:
                settings[name] = hashlib.sha256(Path(settings[name]).read_bytes()).hexdigest()
            except OSError as error:
                raise InputError(
                    f"the weights {settings[name]} cannot be read ({error.strerror}); name a file "
                    "that exists."
                ) from error
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
