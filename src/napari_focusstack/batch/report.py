"""The report of a batch: what became of each source, on disk after each, read to resume."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.files import size_of, write_text
from napari_focusstack.io.reading.image import images_in
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_focusstack.batch.job import Outcome
    from napari_focusstack.parameters import FuseParameters


REPORT = "batch.json"
#: Parameters that say where and how work is done, not what comes out.
WHERE = ("device", "tile_px")


class Report:
    """The file ``batch.json`` in the folder of the outputs.

    Parameters
    ----------
    folder : Path
        Of the outputs.
    settings : str
        From :func:`settings_hash`.
    resume : bool
        Whether to go on with a report that is there.

    Raises
    ------
    InputError
        If the report to go on with is damaged.
    """

    def __init__(self, folder: Path, settings: str, *, resume: bool) -> None:
        self.path, self._folder, self._settings = folder / REPORT, folder, settings
        self.items: dict[str, dict[str, Any]] = {}
        if resume and self.path.exists():
            try:
                self.items = json.loads(self.path.read_text("utf-8"))["items"]
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise InputError(
                    f"{self.path} is no report of a batch; delete it, or run without resuming."
                ) from error

    def is_done(self, source: Path) -> bool:
        """Tell whether a source was fused with these settings, and its outputs lie there whole."""
        item = self.items.get(str(source), {})
        return (
            item.get("status") == "done"
            and item.get("settings") == self._settings
            and item.get("source") == fingerprint(source)
            and all(
                (self._folder / name).exists() and size_of(self._folder / name) == size
                for name, size in item["outputs"].items()
            )
        )

    def add(self, outcome: Outcome, source: dict[str, int] | None) -> None:
        """Write down what became of a source, whose fingerprint was taken before the work."""
        told = asdict(outcome)
        del told["source"]
        self.items[str(outcome.source)] = {**told, "settings": self._settings, "source": source}
        whole = {"software": SOFTWARE, "items": self.items}
        write_text(self.path, json.dumps(whole, indent=1))


def fingerprint(source: Path) -> dict[str, int] | None:
    """Return what changes when a source does: files, bytes, last change; None if it is not there.

    Examples
    --------
    >>> fingerprint(Path("nowhere.tif")) is None
    True
    """
    try:
        found = [path.stat() for path in (images_in(source) if source.is_dir() else [source])]
    except (InputError, OSError):
        return None
    return {
        "files": len(found),
        "bytes": sum(one.st_size for one in found),
        "modified_ns": max(one.st_mtime_ns for one in found),
    }


def settings_hash(parameters: FuseParameters, others: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that decides about the outputs: parameters, weights, version.

    Parameters
    ----------
    parameters : FuseParameters
        Of the fusions.
    others : mapping
        What else decides, ready for JSON.

    Raises
    ------
    InputError
        If a file of weights cannot be read.
    """
    from importlib.metadata import version

    told = {name: value for name, value in asdict(parameters).items() if name not in WHERE}
    told |= {**others, "version": version(SOFTWARE)}
    for name in ("fsb_weights", "keb_weights", "deb_weights", "meb_weights"):
        if told[name] is not None:
            try:
                told[name] = hashlib.sha256(Path(told[name]).read_bytes()).hexdigest()
            except OSError as error:
                raise InputError(
                    f"the weights {told[name]} cannot be read ({error.strerror}); name a file that "
                    "exists."
                ) from error
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
