"""The command ``napari-focusstack fuse``: fuse one stack and write the requested files."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.commands import slab_option
from napari_focusstack.commands.options import add_options, inputs_of, memory_of, read_parameters
from napari_focusstack.commands.progress_bars import Bars
from napari_focusstack.commands.projection_options import add_projection, read_projection
from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters

if TYPE_CHECKING:
    import argparse

    from napari_focusstack.batch.result_files import Output
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.io.reading.stack_header import StackHeader


#: Options that need a stack with a single time point and channel, and what they stand for.
SINGLE_IMAGE_OPTIONS = {
    "labels": "labels",
    "save_surface": "a surface",
    "save_registration": "a registration to save",
}


HELP = "fuse a focal stack into one image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "sources",
        metavar="planes",
        nargs="+",
        type=Path,
        help="images of one plane each, a folder of images, or a stack; nearest plane first",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="file to write: .tif, .zarr or .png"
    )
    parser.add_argument(
        "--labels", type=Path, help="labels or mask to use instead of the estimated ones"
    )
    parser.add_argument(
        "--save-labels", type=Path, help="write the labels: the plane in focus, 1 is the nearest"
    )
    parser.add_argument("--save-initial", type=Path, help="write the initial fusion, with its halo")
    parser.add_argument(
        "--save-source", type=Path, help="write which plane shows each pixel best, 1 is the nearest"
    )
    parser.add_argument("--save-depth", type=Path, help="write the depth, in the unit of --z-step")
    parser.add_argument(
        "--save-confidence", type=Path, help="write the confidence of the depth, 0..1"
    )
    parser.add_argument(
        "--save-surface", type=Path, help="write the fused image over its depth, .obj or .ply"
    )
    parser.add_argument(
        "--series",
        type=int,
        metavar="N",
        help="series of a file with several, such as scenes or positions, from 1 (default the "
        "first that is a stack)",
    )
    parser.add_argument("--registration", type=Path, help="saved registration to use, .json")
    parser.add_argument("--save-registration", type=Path, help="write the registration, .json")
    parser.add_argument("--report", type=Path, help="write settings and figures, .json")
    slab_option.add_argument(parser)
    add_projection(parser)
    add_stack_arguments(parser)
    add_options(parser, FuseParameters)


def add_stack_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of both commands that fuse files."""
    parser.add_argument(
        "--channel", type=int, default=1, help="channel in which focus is estimated (default 1)"
    )
    parser.add_argument(
        "--axis",
        metavar="LETTER",
        help="axis along which focus changes, if the file does not name it: C for planes stored as "
        "channels, X for planes stored last, or another of its axes",
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="memory for decoded planes and tiles, such as 4GB (default half of the free memory)",
    )


def run(options: argparse.Namespace) -> None:
    """Fuse a stack and write the files that the options name."""
    from napari_focusstack.batch.projected_stack import project_stack
    from napari_focusstack.batch.series import fuse_stack
    from napari_focusstack.files import all_or_none, write_text
    from napari_focusstack.fusion.painted_labels import read_labels
    from napari_focusstack.io.reading.plane_store import focal_stack
    from napari_focusstack.registration.transforms import Registration

    budget = memory_of(options)
    stack = focal_stack(options.sources, options.axis, options.series)
    if options.slab is not None:
        slab_option.fuse_slabs(options, stack)
        return
    paths = _outputs(options)
    _check(options, stack, paths)
    sources = {"planes": [str(path) for path in options.sources]}
    if options.labels is not None:
        sources["labels"] = [str(options.labels)]
    projection = read_projection(options)
    make = fuse_stack if projection is None else partial(project_stack, projection=projection)
    with all_or_none(), Bars() as bars:
        result, record = make(
            stack,
            paths,
            read_parameters(options, FuseParameters),
            sources=sources,
            channel=options.channel,
            labels=read_labels(options.labels) if options.labels else None,
            registration=Registration.load(options.registration) if options.registration else None,
            budget_bytes=budget,
            progress=bars,
        )
        if options.save_surface is not None:
            _write_surface(options.save_surface, result, stack)
        if options.save_registration is not None and result.registration is not None:
            result.registration.save(options.save_registration)
        if options.report is not None:
            write_text(options.report, json.dumps(record, indent=2))
    if projection is not None:
        text = f"{projection.project} of the planes around the surface"
    elif _has_series(stack):
        text = f"{stack.axes} {stack.shape} fused along the focus axis"
    else:
        text = summary(result)
    print("\n".join([f"{options.output}: {text}", *stack.notes]))


def summary(result: FusionResult) -> str:
    """Return the figures of a fusion in one line, and each finding on the planes in a line."""
    return "\n".join([_figures(result), *result.findings])


def _figures(result: FusionResult) -> str:
    """Return the figures of a fusion in one line."""
    moved = result.registration
    text = "" if moved is None or moved.is_identity else f"{moved.reason}; "
    text += "".join(f"{each.reason}; " for each in (result.defects, result.light) if each)
    if result.region is not None:
        text += f"cut to {' x '.join(map(str, result.image.shape[:2]))} px; "
    if filled := result.filled.mean():
        text += f"depth filled in {100 * filled:.1f}% of the pixels; "
    if result.psf is None:
        return f"{text}{_blended(result)}no halo removed: {result.plain}"
    share = 100 * result.transition_region.mean()
    return (
        f"{text}{_blended(result)}sigma {result.psf.sigma_px:.2f} px ({result.psf.shape}), halo "
        f"removed from {share:.1f}% of the pixels, reblur residual {100 * result.psf.residual:.2f}%"
    )


def _blended(result: FusionResult) -> str:
    """Return how much was blended, in words."""
    share = 100 * result.blended.mean()
    return f"planes blended in {share:.2g}% of the pixels; " if share else ""


def _outputs(options: argparse.Namespace) -> dict[Output, Path]:
    """Return the images to be written, by output."""
    requested: dict[Output, Path | None] = {
        "image": options.output,
        "labels": options.save_labels,
        "initial": options.save_initial,
        "source": options.save_source,
        "depth": options.save_depth,
        "confidence": options.save_confidence,
    }
    return {name: path for name, path in requested.items() if path is not None}


def _has_series(stack: StackHeader) -> bool:
    """Return whether a stack has more than one time point or channel."""
    return any(size > 1 for size in stack.other_axes.values())


def _check(options: argparse.Namespace, stack: StackHeader, paths: dict[Output, Path]) -> None:
    """Raise InputError if an output cannot be written; called before the work begins."""
    from napari_focusstack.files import check_writable
    from napari_focusstack.runtime.paths import check_apart
    from napari_focusstack.surface.mesh_file import MESH_SUFFIXES, mesh_files

    if _has_series(stack):
        for name, what in SINGLE_IMAGE_OPTIONS.items():
            if getattr(options, name) is not None:
                raise InputError(
                    f"{options.sources[0]} has the axes {stack.axes}; {what} can be used with one "
                    "time point and channel only: extract one."
                )
    outputs = list(paths.values())
    for path in (options.report, options.save_registration):
        if path is not None:
            check_writable(path, suffixes=(".json",))
            outputs.append(path)
    if options.save_surface is not None:
        check_writable(options.save_surface, suffixes=MESH_SUFFIXES)
        mesh, *others = mesh_files(options.save_surface)
        for path in outputs:
            if path in others:
                raise InputError(
                    f"{mesh} keeps its texture in {path}; give one of them another name."
                )
        outputs += [mesh, *others]
        # A result says what it is when its folder is read again; a texture would be a plane.
        check_apart(others, [path for path in options.sources if path.is_dir()])
    check_apart(outputs, inputs_of(options, stack))


def _write_surface(path: Path, result: FusionResult, stack: StackHeader) -> None:
    """Write the fused image over its depth as a mesh."""
    from napari_focusstack.surface.mesh_file import write_mesh
    from napari_focusstack.surface.triangulation import surface_of

    pixel_size = [stack.scale[stack.axes.index(axis)] for axis in "YX"]
    write_mesh(path, surface_of(result.depth, result.image, pixel_size), result.image)
