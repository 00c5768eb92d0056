"""Fuse many stacks one by one: failures are reported, and finished stacks can be skipped."""

from __future__ import annotations

import contextlib
import glob
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_focusstack.batch.job import (
    ENDINGS,
    PROJECTED,
    SUFFIXES,
    Format,
    Job,
    Outcome,
    fuse_item,
)
from napari_focusstack.batch.report import (
    REPORT,
    Report,
    earlier_outputs,
    fingerprint,
    settings_hash,
)
from napari_focusstack.batch.staging import staging_in
from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable, make_folder
from napari_focusstack.io.reading.find_stacks import without_members
from napari_focusstack.io.reading.image import in_natural_order
from napari_focusstack.io.writing.result import ZARR_SUFFIX
from napari_focusstack.io.writing.result_zarr import zarr_package
from napari_focusstack.runtime.paths import check_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence

    from napari_focusstack.batch.result_files import Output
    from napari_focusstack.parameters import FuseParameters, ProjectionParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress


def find_sources(patterns: Sequence[str], folder: Path | None = None) -> list[Path]:
    """Return the files and folders that match patterns, in natural order.

    Of a set of OME-TIFFs only the first file is returned.

    Parameters
    ----------
    patterns : sequence of str
        Names, or patterns with ``*``, ``?``, ``[...]``, and ``**`` for folders at any depth.
    folder : Path, optional
        Folder of the outputs. It is no source, and neither are earlier outputs in it.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If nothing matches a pattern.
    """
    sources: dict[Path, None] = {}
    for pattern in patterns:
        if Path(pattern).exists():  # a file name may contain brackets
            matches = [Path(pattern)]
            if folder is not None and Path(pattern).is_dir():
                check_apart([folder], matches)
        else:  # Path.glob takes no absolute pattern
            matches = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207
        if not matches:
            raise InputError(f"nothing matches {pattern!r}; check the path, and quote the pattern.")
        sources |= dict.fromkeys(in_natural_order(matches))
    if folder is None:
        return without_members(list(sources))
    names = (*ENDINGS.values(), PROJECTED)
    endings = [ending + suffix for ending in names for suffix in SUFFIXES.values()]
    outputs, into = (*endings, REPORT), os.path.realpath(folder)
    found = [
        path
        for path in sources
        if os.path.realpath(path) != into
        and not (path.name.endswith(outputs) and os.path.realpath(path.parent) == into)
    ]
    return without_members(found)


def output_names(sources: Sequence[Path]) -> list[str]:
    """Return a name for the outputs of each source.

    It is the name of the source, preceded by those of its folders where several sources have the
    same name.

    Raises
    ------
    InputError
        If two names are still the same.

    Examples
    --------
    >>> output_names([Path("a/z.tif"), Path("b/z.ome.tif"), Path("b/y.tif")])
    ['a_z', 'b_z', 'y']
    """
    plain = [_stem(path) for path in sources]
    if len(set(plain)) == len(plain):
        return plain
    full = [Path(os.path.realpath(path)) for path in sources]
    shared = min(len(path.parts) for path in full) - 1
    while len({path.parts[:shared] for path in full}) > 1:
        shared -= 1
    names = [
        name if plain.count(name) == 1 else "_".join([*path.parent.parts[shared:], name])
        for name, path in zip(plain, full, strict=True)
    ]
    for number, name in enumerate(names):
        if name in names[:number]:
            other = sources[names.index(name)]
            raise InputError(
                f"the results of {other} and {sources[number]} would both be named {name}; "
                "rename one, or give them folders of their own."
            )
    return names


def batch(
    sources: Sequence[Path],
    folder: Path,
    parameters: FuseParameters,
    *,
    projection: ProjectionParameters | None = None,
    channel: int = 1,
    axis: str | None = None,
    save: Collection[Output] = (),
    format: Format = "tiff",
    registration: Registration | None = None,
    resume: bool = False,
    scheduler: str | None = None,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[Outcome]:
    """Fuse stacks one by one, or on a cluster, and keep a report of them.

    Parameters
    ----------
    sources : sequence of Path
        Files, or folders of planes. Each series, time point and channel of a file is fused. Focus
        is estimated in one channel and applied to the others.
    folder : Path
        Folder of the outputs: ``NAME_fused.tif`` (``NAME_1_fused.tif`` and so on if a file has
        several series), ``NAME_labels.tif`` and so on, and the report ``batch.json``.
    parameters : FuseParameters
        Parameters of each fusion.
    projection : ProjectionParameters, optional
        Projection around the surface, in place of the fused image: ``NAME_projected.tif``.
    channel : int
        Channel in which focus is estimated, from 1.
    axis : str, optional
        Letter of the focus axis, if the files do not name it.
    save : collection of {"labels", "depth", "confidence"}
        Further outputs beside the image.
    format : {"tiff", "zarr"}
        OME-TIFF, or OME-Zarr (``NAME_fused.ome.zarr``), which needs the package zarr.
    registration : Registration, optional
        Registration of the planes of every stack; estimated for each stack if not given.
    resume : bool
        Skip the sources that were done by an earlier run, according to its report, if source,
        settings and outputs have not changed since.
    scheduler : str, optional
        Address of a dask.distributed scheduler whose workers can read and write the same files, or
        "local" for a process per core of this machine.
    budget_bytes : int, optional
        Memory for decoded planes and tiles, of all workers of this machine together; half of the
        free memory if not given.
    progress : callable, optional
        Called within each fusion; on a cluster only while there is no worker.

    Yields
    ------
    Outcome
        Each as soon as it is known and in the report, in any order.

    Raises
    ------
    InputError
        If the folder cannot be written to, another batch is running in it, two outputs would have
        the same name, the scheduler cannot be reached, or the package zarr is missing.
    """
    if format == "zarr":
        zarr_package()
    # Symbolic links are not followed, so that a source keeps the name that the user knows.
    folder, sources = Path(os.path.realpath(folder)), [source.absolute() for source in sources]
    make_folder(folder)
    check_writable(folder / REPORT, suffixes=(".json",))
    names = output_names(sources)
    settings: dict[str, Any] = {
        "channel": channel,
        "axis": axis,
        "save": sorted(save),
        "format": format,
        "registration": registration.to_dict() if registration else None,
    }
    if projection is not None:
        settings["projection"] = asdict(projection)
    hashed = settings_hash(parameters, settings)
    with staging_in(folder) as staging:
        report = Report(folder, hashed, resume=resume)
        known = earlier_outputs(folder)
        skipped = [source for source in sources if resume and report.is_done(source)]
        jobs = [
            Job(
                source=source,
                name=name,
                folder=folder,
                staging=staging,
                parameters=parameters,
                projection=projection,
                channel=channel,
                axis=axis,
                save=tuple(save),
                format=format,
                registration=registration,
                known=known,
                others=frozenset(names) - {name},
                budget_bytes=budget_bytes,
            )
            for source, name in zip(sources, names, strict=True)
            if source not in skipped
        ]
        for job in jobs:
            job.check_outputs(job.name)
        yield from (Outcome(source=path, status="skipped", outputs={}) for path in skipped)
        before = {job.source: fingerprint(job.source) for job in jobs}
        outcomes: Generator[Outcome, None, None]
        if scheduler is None or not jobs:
            outcomes = (fuse_item(job, progress) for job in jobs)
        else:
            from napari_focusstack.batch.cluster import fuse_on_cluster

            outcomes = fuse_on_cluster(jobs, scheduler, progress)
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                report.add(outcome, before[outcome.source])
                yield outcome


def _stem(path: Path) -> str:
    """Return the name of a folder, or that of a file or a Zarr without ``.ome`` and its suffix."""
    plain = path.is_dir() and path.suffix != ZARR_SUFFIX
    return path.name if plain else path.stem.removesuffix(".ome")
