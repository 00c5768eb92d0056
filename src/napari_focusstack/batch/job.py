"""Fuse one source: every series, time point and channel of it, or nothing."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from napari_focusstack.errors import InputError
from napari_focusstack.files import put_in_place, size_of, staging_folder
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_focusstack.batch.result_files import Output
    from napari_focusstack.parameters import FuseParameters, ProjectionParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress


logger = logging.getLogger(__name__)

#: Ending of the name of each output, before the suffix.
ENDINGS: dict[Output, str] = {
    "image": "_fused",
    "source": "_source",
    "labels": "_labels",
    "depth": "_depth",
    "confidence": "_confidence",
}
#: Ending of a projection, in place of that of the image.
PROJECTED = "_projected"
#: Formats of the outputs, and their suffixes.
Format = Literal["tiff", "zarr"]
SUFFIXES: dict[Format, str] = {"tiff": ".tif", "zarr": ".ome.zarr"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One source to fuse, with everything that a worker needs for it."""

    #: File, or folder of planes.
    source: Path
    #: Name of the outputs, without their endings.
    name: str
    #: Folder of the outputs.
    folder: Path
    #: Folder in which outputs are written before they are moved.
    staging: Path
    parameters: FuseParameters
    #: Projection around the surface, in place of the fused image.
    projection: ProjectionParameters | None = None
    #: Channel in which focus is estimated, from 1.
    channel: int = 1
    #: Letter of the focus axis, if the files do not name it.
    axis: str | None = None
    #: Further outputs beside the image.
    save: tuple[Output, ...] = ()
    format: Format = "tiff"
    #: Registration of the planes, if it is known.
    registration: Registration | None = None
    #: Files that earlier batches wrote into the folder, by name, and their sizes, bytes.
    known: Mapping[str, int] = field(default_factory=dict)
    #: Names of the outputs of the other sources, without their endings.
    others: frozenset[str] = frozenset()
    #: Memory for decoded planes and tiles, bytes; by default half of the free memory where it runs.
    budget_bytes: int | None = None

    def outputs(self, stem: Path) -> dict[Output, Path]:
        """Return the files to be written; their names begin with `stem`."""
        suffix = SUFFIXES[self.format]
        return {
            name: stem.with_name(f"{stem.name}{self._ending(name)}{suffix}")
            for name in ("image", *self.save)
        }

    def check_outputs(self, name: str) -> None:
        """Raise InputError if outputs that begin with a name would replace what is no result."""
        for path in self.outputs(self.folder / name).values():
            if not path.exists() or size_of(path) == self.known.get(path.name):
                continue
            is_ours = path.name in self.known and not _is_image(path)  # damaged, not edited
            if not is_ours and not _has_record(path):
                raise InputError(
                    f"{path} is no result of {SOFTWARE}, and would be lost; rename it, or choose "
                    "another folder."
                )

    def _ending(self, output: Output) -> str:
        """Return the ending of the name of an output."""
        if output == "image" and self.projection is not None:
            return PROJECTED
        return ENDINGS[output]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a job."""

    source: Path
    status: Literal["done", "failed", "skipped"]
    seconds: float = 0.0
    #: Reason of a failure, in one line.
    message: str = ""
    #: Size of each file that was written, bytes, by name.
    outputs: dict[str, int]
    #: What was left out or assumed when the source was read.
    notes: tuple[str, ...] = ()


def fuse_item(job: Job, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Fuse one source and put the outputs into place; failures are returned, not raised.

    Parameters
    ----------
    job : Job
        Job to run; it may come from another machine.
    progress : callable, optional
        Called within each fusion.

    Returns
    -------
    Outcome
    """
    start = perf_counter()
    outputs: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    message = ""
    try:
        outputs, notes = _fuse_source(job, progress)
    except Exception as error:  # a failure of one stack must not stop the others
        logger.warning("%s failed", job.source, exc_info=True)
        sentence = " ".join(str(error).split())
        message = sentence if isinstance(error, InputError) else f"{error!r:.500}"
    return Outcome(
        source=job.source,
        status="failed" if message else "done",
        seconds=round(perf_counter() - start, 3),
        message=message,
        outputs=outputs,
        notes=notes,
    )


def _has_record(path: Path) -> bool:
    """Return whether a file holds a record of ours."""
    try:
        read_record(path)
    except InputError:
        return False
    return True


def _is_image(path: Path) -> bool:
    """Return whether a file is a whole image."""
    from napari_focusstack.io.reading.find_stacks import find_stacks

    try:
        find_stacks([path])
    except InputError:
        return False
    return True


def _fuse_source(
    job: Job, progress: Callable[[Progress], None] | None
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Fuse each series of a source; return the sizes of the outputs, bytes, and notes on it."""
    # Imported late, for the command's help reads this module.
    from napari_focusstack.batch.projected_stack import project_stack
    from napari_focusstack.batch.series import fuse_stack
    from napari_focusstack.io.reading.find_stacks import focal_stacks

    stacks = [stack for _, stack in focal_stacks(job.source, job.axis)]
    stacks[0].check()
    several = len(stacks) > 1
    names = [f"{job.name}_{n}" if several else job.name for n in range(1, len(stacks) + 1)]
    for name in names:
        if several and name in job.others:
            raise InputError(
                f"{job.source} has several series, and the results of one would be named {name} as "
                "those of another source; rename one, or give them folders of their own."
            )
        job.check_outputs(name)
    # A worker that the scheduler has given up may still run, so each attempt has its folder.
    with staging_folder(job.staging / job.name) as attempt:
        for name, stack in zip(names, stacks, strict=True):
            make = fuse_stack
            if job.projection is not None:
                make = partial(project_stack, projection=job.projection)
            make(
                stack,
                job.outputs(attempt / name),
                job.parameters,
                sources={"planes": [str(job.source)]},
                channel=job.channel,
                registration=job.registration,
                budget_bytes=job.budget_bytes,
                progress=progress,
            )
        sizes = {path.name: size_of(path) for path in sorted(attempt.iterdir())}
        put_in_place([(attempt / name, job.folder / name) for name in sizes])
    return sizes, stacks[0].notes
