"""The command ``napari-focusstack fuse``: one stack, and the files that are asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.commands.options import add_options, parse_bytes, read_parameters
from napari_focusstack.commands.progress_bars import Bars
from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters

if TYPE_CHECKING:
    import argparse

    from napari_focusstack.batch.series import Output
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.io.reading.stack_header import StackHeader


#: Options that make sense for one time point and channel only.
SINGLE = {
    "labels": "labels",
    "save_surface": "a surface",
    "save_registration": "a registration to save",
}


HELP = "fuse a focal stack into one image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `fuse` takes beside the options of a fusion."""
    parser.add_argument(
        "planes",
        nargs="+",
        type=Path,
        help="images of one plane each, or a folder or a stack of them, nearest first",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help=".tif, .zarr or .png to write"
    )
    parser.add_argument("--labels", type=Path, help="labels or mask to use instead of those found")
    parser.add_argument(
        "--save-labels", type=Path, help="write the labels: the plane in focus, 1 nearest"
    )
    parser.add_argument("--save-initial", type=Path, help="write the initial fusion, halo and all")
    parser.add_argument("--save-depth", type=Path, help="write the depth in the unit of --z-step")
    parser.add_argument("--save-confidence", type=Path, help="write how sure depth is, 0..1")
    parser.add_argument(
        "--save-surface", type=Path, help="write the image over its depth, .obj or .ply"
    )
    parser.add_argument("--registration", type=Path, help="how the planes lie, saved before")
    parser.add_argument("--save-registration", type=Path, help="write how the planes lie, .json")
    parser.add_argument("--report", type=Path, help="write figures and settings as JSON")
    add_stack_arguments(parser)
    add_options(parser, FuseParameters)


def add_stack_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every command that fuses files takes."""
    parser.add_argument(
        "--channel", type=int, default=1, help="channel whose focus counts for all (default 1)"
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="for decoded planes and tiles, such as 4GB (default half of free)",
    )


def run(options: argparse.Namespace) -> None:
    """Fuse a stack and write what the options ask for."""
    from napari_focusstack.batch.series import fuse_stack
    from napari_focusstack.files import write_text
    from napari_focusstack.io.reading.image import read_labels
    from napari_focusstack.io.reading.plane_store import focal_stack
    from napari_focusstack.registration.transforms import Registration

    budget = parse_bytes(options.memory) if options.memory else None
    stack = focal_stack(options.planes)
    paths = _outputs(options)
    _check(options, stack, paths)
    sources = {"planes": [str(path) for path in options.planes]}
    if options.labels is not None:
        sources["labels"] = [str(options.labels)]
    with Bars() as bars:
        result, record = fuse_stack(
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
    several = _several(stack)
    told = f"{stack.axes} {stack.shape} fused along the focus axis" if several else summary(result)
    print(f"{options.output}: {told}")


def summary(result: FusionResult) -> str:
    """Say in one line what was found, and in one line each what is wrong with the planes."""
    wrong = [] if result.diagnosis is None else result.diagnosis.messages()
    return "\n".join([_made(result), *wrong])


def _made(result: FusionResult) -> str:
    moved = result.registration
    said = "" if moved is None or moved.is_identity else f"{moved.reason}; "
    if filled := result.filled.mean():
        said += f"depth filled in {100 * filled:.1f}% of the pixels; "
    if result.psf is None:
        return f"{said}every pixel is a source pixel: {result.plain}"
    share = 100 * result.transition_region.mean()
    return (
        f"{said}sigma {result.psf.sigma_px:.2f} px ({result.psf.shape}), "
        f"{share:.1f}% of the pixels unveiled, reblur residual {100 * result.psf.residual:.2f}%"
    )


def _outputs(options: argparse.Namespace) -> dict[Output, Path]:
    """Return the images to be written."""
    asked: dict[Output, Path | None] = {
        "image": options.output,
        "labels": options.save_labels,
        "initial": options.save_initial,
        "depth": options.save_depth,
        "confidence": options.save_confidence,
    }
    return {name: path for name, path in asked.items() if path is not None}


def _several(stack: StackHeader) -> bool:
    """Tell whether a stack has more than one time point or channel."""
    return any(size > 1 for size in stack.other_axes.values())


def _check(options: argparse.Namespace, stack: StackHeader, paths: dict[Output, Path]) -> None:
    """Raise InputError if something could not be written, before minutes of work."""
    from napari_focusstack.files import check_writable
    from napari_focusstack.surface.mesh_file import MESH_SUFFIXES, mesh_files

    if _several(stack):
        for name, what in SINGLE.items():
            if getattr(options, name) is not None:
                raise InputError(
                    f"{options.planes[0]} has the axes {stack.axes}; {what} can be of one time "
                    "point and channel only: extract one."
                )
    places = list(paths.values())
    for path in places:
        if places.count(path) > 1:
            raise InputError(f"{path} is to hold two results; give each a name of its own.")
    for path in (options.report, options.save_registration):
        if path is not None:
            check_writable(path, suffixes=(".json",))
    if options.save_surface is not None:
        check_writable(options.save_surface, suffixes=MESH_SUFFIXES)
        for path in places:
            if path in mesh_files(options.save_surface):
                raise InputError(
                    f"{options.save_surface} keeps its texture in {path}; give one of them "
                    "another name."
                )


def _write_surface(path: Path, result: FusionResult, stack: StackHeader) -> None:
    from napari_focusstack.surface.mesh_file import write_mesh
    from napari_focusstack.surface.triangulation import surface_of

    across = [stack.scale[stack.axes.index(axis)] for axis in "YX"]
    write_mesh(path, surface_of(result.depth, result.image, across), result.image)
