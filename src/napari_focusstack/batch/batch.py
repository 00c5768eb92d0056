"""Fuse many stacks: each alone, what failed told, what is done skipped."""

from __future__ import annotations

import contextlib
import glob
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.batch.job import ENDINGS, SUFFIXES, Format, Job, Outcome, fuse_item
from napari_focusstack.batch.report import REPORT, Report, fingerprint, settings_hash
from napari_focusstack.batch.staging import staging_in
from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable
from napari_focusstack.io.reading.image import in_natural_order
from napari_focusstack.io.writing.result_zarr import zarr_package

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence

    from napari_focusstack.batch.series import Output
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress


def find_sources(patterns: Sequence[str], folder: Path) -> list[Path]:
    """Return the files and folders that match, in natural order.

    Parameters
    ----------
    patterns : sequence of str
        Names, or patterns with ``*``, ``?``, ``[...]``, and ``**`` for folders at any depth.
    folder : Path
        Of the outputs; it and earlier outputs in it are no sources.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If nothing matches a pattern.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        if Path(pattern).exists():  # a name with brackets in it is no pattern
            matches = [Path(pattern)]
        else:  # Path.glob takes no absolute pattern
            matches = [Path(one) for one in glob.glob(pattern, recursive=True)]  # noqa: PTH207
        if not matches:
            raise InputError(f"nothing matches {pattern!r}; check the path, and quote the pattern.")
        found |= dict.fromkeys(in_natural_order(matches))
    endings = [what + suffix for what in ENDINGS.values() for suffix in SUFFIXES.values()]
    made = (*endings, REPORT)
    return [
        path
        for path in found
        if path.resolve() != folder.resolve()
        and not (path.name.endswith(made) and path.parent.resolve() == folder.resolve())
    ]


def output_names(sources: Sequence[Path]) -> list[str]:
    """Return a name for the outputs of each source: its own, with its folders' where it must.

    Raises
    ------
    InputError
        If two would still have the same.

    Examples
    --------
    >>> output_names([Path("a/z.tif"), Path("b/z.ome.tif"), Path("b/y.tif")])
    ['a_z', 'b_z', 'y']
    """
    plain = [_stem(path) for path in sources]
    if len(set(plain)) == len(plain):
        return plain
    full = [path.resolve() for path in sources]
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
    channel: int = 1,
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
        Files, or folders of planes. Each series, time point and channel of a file is fused; focus
        is found in one channel and applied to the others.
    folder : Path
        For ``NAME_fused.tif`` (``NAME_1_fused.tif`` and so on where a file has several series),
        ``NAME_labels.tif`` and so on, and the report ``batch.json``.
    parameters : FuseParameters
        Of each fusion.
    channel : int
        The channel whose focus counts for all, from 1.
    save : collection of {"labels", "depth", "confidence"}
        What to write beside the image.
    format : {"tiff", "zarr"}
        OME-TIFF, or OME-Zarr (``NAME_fused.ome.zarr``), which needs the package zarr.
    registration : Registration, optional
        How the planes of every stack lie, found before; looked for in each if not given.
    resume : bool
        Skip sources that the report of an earlier run calls done, if source, settings and outputs
        are as they were.
    scheduler : str, optional
        Address of a dask.distributed scheduler whose workers see the same files, or "local" for a
        process per core of this machine.
    budget_bytes : int, optional
        Memory for decoded planes and tiles, all workers of this machine together; half of what is
        free if not given.
    progress : callable, optional
        Called within each fusion; on a cluster only while there is no worker.

    Yields
    ------
    Outcome
        As soon as it is known and reported, in any order.

    Raises
    ------
    InputError
        If the folder cannot be written to or another batch is at work in it, names collide, the
        scheduler cannot be reached, or zarr is missing.
    """
    if format == "zarr":
        zarr_package()
    # A source keeps the name that the user knows: links are not followed.
    folder, sources = folder.resolve(), [source.absolute() for source in sources]
    _make_folder(folder)
    names = output_names(sources)
    settings = {
        "channel": channel,
        "save": sorted(save),
        "format": format,
        "registration": registration.to_dict() if registration else None,
    }
    told = settings_hash(parameters, settings)
    with staging_in(folder) as staging:
        report = Report(folder, told, resume=resume)
        jobs = []
        for source, name in zip(sources, names, strict=True):
            if resume and report.is_done(source):
                yield Outcome(source=source, status="skipped", outputs={})
                continue
            jobs.append(
                Job(
                    source=source,
                    name=name,
                    folder=folder,
                    staging=staging,
                    parameters=parameters,
                    channel=channel,
                    save=tuple(save),
                    format=format,
                    registration=registration,
                    budget_bytes=budget_bytes,
                )
            )
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
    return path.name if path.is_dir() else path.stem.removesuffix(".ome")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}.") from error
    check_writable(folder / REPORT, suffixes=(".json",))
