"""The command ``napari-focusstack``: fuse, batch, evaluate, simulate, train, demo."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from napari_focusstack import batch_command
from napari_focusstack.errors import InputError
from napari_focusstack.memory import memory_budget
from napari_focusstack.parameters import FuseParameters, option_type
from napari_focusstack.training.recipe import TrainParameters

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tqdm import tqdm

    from napari_focusstack.fusion import FusionResult
    from napari_focusstack.io.focal_stack import FocalStack
    from napari_focusstack.progress import Progress

Parameters = TypeVar("Parameters", FuseParameters, TrainParameters)

#: Seconds of work before a progress bar appears.
PATIENCE_S = 1.0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every other error does."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help.")


class _Bars:
    """A progress bar for each step of an engine generator that takes a while."""

    def __init__(self) -> None:
        self.step = ""
        self.bar: tqdm[NoReturn] | None = None

    def __call__(self, progress: Progress) -> None:
        """Show how far a step is."""
        if self.bar is None or progress.step != self.step:
            from tqdm import tqdm

            self.close()
            self.step = progress.step
            self.bar = tqdm(
                desc=progress.step,
                total=progress.total,
                delay=PATIENCE_S,
                leave=False,
                unit="part",
                disable=None,  # where nobody watches
            )
        self.bar.update(progress.done - self.bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()

    def run(self, steps: Generator[Progress, None, FusionResult]) -> FusionResult:
        """Run steps to their end under the bars."""
        from napari_focusstack.fusion import drain

        try:
            result: FusionResult = drain(steps, self)
        finally:
            self.close()
        return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command's name; those of the process if not given.

    Returns
    -------
    int
        0 where everything was written, 2 for an input that cannot be used, 130 when interrupted.
    """
    try:
        options = _parser().parse_args(arguments)
        options.run(options)
    except InputError as error:
        print(f"napari-focusstack: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("napari-focusstack: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> _Parser:
    parser = _Parser(prog="napari-focusstack", description=__doc__)
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    fuse = commands.add_parser("fuse", help="fuse a focal stack into one image")
    fuse.add_argument(
        "planes",
        nargs="+",
        type=Path,
        help="images of one plane each, or a folder or a stack of them, nearest first",
    )
    fuse.add_argument("-o", "--output", type=Path, required=True, help=".tif or .png to write")
    fuse.add_argument("--labels", type=Path, help="labels or mask to use instead of those found")
    fuse.add_argument(
        "--save-labels", type=Path, help="write the labels: the plane in focus, 1 nearest"
    )
    fuse.add_argument("--save-initial", type=Path, help="write the initial fusion, halo and all")
    fuse.add_argument("--save-depth", type=Path, help="write the depth in the unit of --z-step")
    fuse.add_argument("--save-confidence", type=Path, help="write how sure depth is, 0..1")
    fuse.add_argument(
        "--save-surface", type=Path, help="write the image over its depth, .obj or .ply"
    )
    fuse.add_argument("--registration", type=Path, help="how the planes lie, saved before")
    fuse.add_argument("--save-registration", type=Path, help="write how the planes lie, .json")
    fuse.add_argument(
        "--channel", type=int, default=1, help="channel whose focus counts for all (default 1)"
    )
    fuse.add_argument(
        "--memory", metavar="SIZE", help="for decoded planes, such as 4GB (default half of free)"
    )
    fuse.add_argument("--report", type=Path, help="write figures and settings as JSON")
    _add_options(fuse, FuseParameters)
    fuse.set_defaults(run=_fuse)

    batch = commands.add_parser("batch", help="fuse many stacks, and go on where some fail")
    batch_command.add_arguments(batch)
    _add_options(batch, FuseParameters)
    batch.set_defaults(run=lambda o: batch_command.run(o, _parameters(o, FuseParameters)))

    evaluate = commands.add_parser("evaluate", help="score a folder of cases")
    evaluate.add_argument(
        "folder", type=Path, help="with NAME-near.*, NAME-far.*, NAME-truth.*, ..."
    )
    evaluate.add_argument(
        "--images",
        type=_named_folder,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="score images that another program made, DIR/CASE.png; may be given more than once",
    )
    evaluate.add_argument("--report", type=Path, help="write the table as .csv or .json")
    evaluate.add_argument("--sheet", type=Path, help="write a picture sheet, .png")
    _add_options(evaluate, FuseParameters)
    evaluate.set_defaults(run=_evaluate)

    simulate = commands.add_parser("simulate", help="make pairs with truth by the imaging model")
    simulate.add_argument(
        "-o", "--output", type=Path, default=Path("focusstack-cases"), help="folder to write to"
    )
    simulate.add_argument("--count", type=int, default=8, help="pairs (default 8)")
    simulate.add_argument("--side", type=int, default=256, help="side, px (default 256)")
    simulate.add_argument("--seed", type=int, default=0, help="source of chance (default 0)")
    simulate.add_argument("--data", type=Path, help="folder with photos/, shapes/, cutouts/")
    simulate.add_argument(
        "--sigma", type=float, nargs=2, metavar=("MIN", "MAX"), help="range of the blur, px"
    )
    simulate.add_argument(
        "--held-out", action="store_true", help="only pictures that training on --data never sees"
    )
    simulate.set_defaults(run=_simulate)

    train = commands.add_parser("train", help="train a network on simulated scenes")
    train.add_argument("network", choices=("fsb", "keb", "deb"))
    train.add_argument("--data", type=Path, required=True, help="folder with photos/, shapes/, ...")
    train.add_argument("-o", "--output", type=Path, help="default: NETWORK.safetensors here")
    train.add_argument("--checkpoint", type=Path, help="default: beside the output, .ckpt")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    train.add_argument("--start", type=Path, help="weights to start from, 'shipped' for ours")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    _add_options(train, TrainParameters, but=("network",))
    train.set_defaults(run=_train)

    demo = commands.add_parser("demo", help="fuse a bundled sample and say what it gained")
    demo.add_argument(
        "-o", "--output", type=Path, default=Path("focusstack-demo"), help="folder to write to"
    )
    demo.set_defaults(run=_demo)
    return parser


def _add_options(parser: argparse.ArgumentParser, kind: type, but: Sequence[str] = ()) -> None:
    """Add each field of a parameter dataclass as an option, but those that are given otherwise."""
    for each in fields(kind):
        if each.name in but:
            continue
        flag = f"--{each.name.replace('_', '-')}"
        text = each.metadata["help"].replace("%", "%%")
        if isinstance(each.default, bool):
            parser.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=each.default, help=text
            )
        else:
            parser.add_argument(
                flag,
                default=each.default,
                type=option_type(each),
                choices=each.metadata["choices"] or None,
                help=f"{text} (default {each.default})",
            )


def _named_folder(text: str) -> tuple[str, Path]:
    """Read NAME=DIR."""
    name, _, folder = text.partition("=")
    if not name or not folder or name in ("unmix", "subtract", "none", "near", "far", "truth"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR with a name of its own")
    if not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is not a folder")
    return name, Path(folder)


def _parameters(options: argparse.Namespace, kind: type[Parameters]) -> Parameters:
    return kind(**{each.name: getattr(options, each.name) for each in fields(kind)})


def _fuse(options: argparse.Namespace) -> None:
    from napari_focusstack.io.plane_store import open_planes
    from napari_focusstack.io.reader import read_labels
    from napari_focusstack.io.writer import check_writable, write_image, write_text

    parameters = _parameters(options, FuseParameters)
    budget = memory_budget(options.memory)
    bars = _Bars()
    with open_planes(options.planes, {"C": options.channel - 1}, budget, bars) as planes:
        outputs: dict[Path | None, Any] = {
            options.output: planes.dtype,
            options.save_labels: "uint8",
            options.save_initial: planes.dtype,
            options.save_depth: "float32",
            options.save_confidence: "float32",
        }
        for path, dtype in outputs.items():
            if path is not None:
                check_writable(path, dtype=dtype)
        for path in (options.report, options.save_registration):
            if path is not None:
                check_writable(path, suffixes=(".json",))
        if options.save_surface is not None:
            _check_surface(options.save_surface, list(outputs))
        if planes.other_axes:
            _fuse_axes(options, parameters, planes.stack, budget)
            return
        labels = read_labels(options.labels) if options.labels else None

        from napari_focusstack.batch_item import with_z_step
        from napari_focusstack.fusion import fuse_steps
        from napari_focusstack.io.mesh import write_mesh
        from napari_focusstack.registration import Registration
        from napari_focusstack.surface import surface_of

        parameters = with_z_step(parameters, planes.stack)
        known = Registration.load(options.registration) if options.registration else None
        result = bars.run(fuse_steps(planes.planes, labels, parameters, known))
    sources = {"planes": [str(path) for path in options.planes]}
    if options.labels:
        sources["labels"] = [str(options.labels)]
    made = {**_record(result), "input": sources}
    surface = None
    if options.save_surface is not None:
        across = [planes.stack.scale[planes.stack.axes.index(axis)] for axis in "YX"]
        surface = surface_of(result.depth, result.image, across)
    for path, name in (
        (options.output, "image"),
        (options.save_labels, "labels"),
        (options.save_initial, "initial"),
        (options.save_depth, "depth"),
        (options.save_confidence, "confidence"),
    ):
        if path is not None:
            write_image(path, getattr(result, name), record=made)
    if surface is not None:
        write_mesh(options.save_surface, surface, result.image)
    if options.save_registration is not None and result.registration is not None:
        result.registration.save(options.save_registration)
    if options.report is not None:
        write_text(options.report, json.dumps(made, indent=2))
    print(f"{options.output}: {_summary(result)}")


def _check_surface(path: Path, images: Sequence[Path | None]) -> None:
    """Raise InputError if a surface could not be written, or an image would be lost to it."""
    from napari_focusstack.io.mesh import MESH_SUFFIXES, mesh_files
    from napari_focusstack.io.writer import check_writable

    check_writable(path, suffixes=MESH_SUFFIXES)
    for image in images:
        if image in mesh_files(path):
            raise InputError(f"{path} keeps its texture in {image}; give one of them another name.")


def _fuse_axes(
    options: argparse.Namespace, parameters: FuseParameters, stack: FocalStack, budget: int
) -> None:
    """Fuse each time point and channel of a stack; the results keep these axes."""
    from napari_focusstack.batch_item import DEPTH, FUSED, LABELS, SUFFIXES, Job, fuse_stack
    from napari_focusstack.io.result_file import made_aside
    from napari_focusstack.registration import Registration

    single = (
        options.labels,
        options.save_initial,
        options.save_confidence,
        options.save_surface,
        options.report,
        options.save_registration,
    )
    if any(single):
        raise InputError(
            f"{options.planes[0]} has the axes {stack.axes}; labels, initial fusion, "
            "confidence, surface, report and the registration to save are of one time point and "
            "channel: extract one."
        )
    known = Registration.load(options.registration) if options.registration else None
    wanted = {FUSED: options.output, LABELS: options.save_labels, DEPTH: options.save_depth}
    bars = _Bars()
    with made_aside(options.output) as folder:
        job = Job(
            source=options.planes[0],
            name="stack",
            folder=folder,
            staging=folder,
            parameters=parameters,
            channel=options.channel,
            save_labels=options.save_labels is not None,
            save_depth=options.save_depth is not None,
            registration=known,
            budget_bytes=budget,
        )
        try:
            fuse_stack(stack, folder / job.name, job, bars)
        finally:
            bars.close()
        for ending, path in wanted.items():
            if path is not None:
                (folder / f"{job.name}{ending}{SUFFIXES[job.format]}").replace(path)
    print(f"{options.output}: {stack.axes} {stack.shape} fused along the focus axis")


def _record(result: FusionResult) -> dict[str, Any]:
    from napari_focusstack.provenance import record

    return {**record(result.parameters, weights=result.weights), "found": result.figures()}


def _summary(result: FusionResult) -> str:
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


def _evaluate(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from napari_focusstack import evaluation
    from napari_focusstack.io.writer import check_writable, write_image, write_text

    if options.report is not None:
        check_writable(options.report, suffixes=(".csv", ".json"))
    if options.sheet is not None:
        check_writable(options.sheet, suffixes=(".png",))
    if len(dict(options.images)) < len(options.images):
        raise InputError("two folders of --images have the same name; give each its own.")
    cases = evaluation.find_cases(options.folder)
    steps = evaluation.evaluate(cases, _parameters(options, FuseParameters), dict(options.images))
    scores = list(tqdm(steps, total=len(cases), delay=PATIENCE_S, leave=False, unit="case"))
    rows = [row for score in scores for row in score.rows]
    rows += evaluation.mean_rows(rows)
    print(evaluation.table(rows))
    if options.report is not None:
        as_csv = options.report.suffix.lower() == ".csv"
        text = evaluation.as_csv(rows) if as_csv else evaluation.as_json(rows)
        write_text(options.report, text)
    if options.sheet is not None:
        from napari_focusstack.sheet import picture_sheet

        write_image(options.sheet, picture_sheet(scores))


def _simulate(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from tqdm import tqdm

    from napari_focusstack.training.cases import PAIR_SCENES, bundled_material, write_cases
    from napari_focusstack.training.material import Material

    if options.count < 1 or options.side < 64 or options.side % 8:
        raise InputError(
            f"count is {options.count} and side {options.side}; give at least 1, and a multiple of "
            "8 from 64 px."
        )
    scenes = PAIR_SCENES
    if options.sigma:
        if not 0 < options.sigma[0] < options.sigma[1]:
            raise InputError(
                f"sigma runs from {options.sigma[0]} to {options.sigma[1]}; give 0 < MIN < MAX."
            )
        scenes = replace(scenes, sigma_px=tuple(options.sigma))
    material = Material.load(options.data) if options.data else bundled_material()
    if options.held_out:
        _, material = material.split()
    _make_folder(options.output)
    cases = write_cases(options.output, options.count, options.side, material, options.seed, scenes)
    for _ in tqdm(cases, total=options.count, delay=PATIENCE_S, leave=False, unit="pair"):
        pass
    print(f"{options.output}: {options.count} pairs")


def _train(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from napari_focusstack.io.writer import check_writable
    from napari_focusstack.networks import weights
    from napari_focusstack.networks.inference import resolve_device
    from napari_focusstack.training.material import Material
    from napari_focusstack.training.trainer import Training

    output = options.output or Path(f"{options.network}.safetensors")
    check_writable(output, suffixes=(".safetensors",))
    checkpoint = options.checkpoint or output.with_suffix(".ckpt")
    if checkpoint.exists() and not options.resume:
        raise InputError(f"{checkpoint} is there already; give --resume to go on, or delete it.")
    device = resolve_device(options.device)
    parameters = _parameters(options, TrainParameters)
    start = None
    if options.start is not None:
        path = None if str(options.start) == "shipped" else options.start
        start, _ = weights.load(options.network, device, path)
    training = Training(parameters, Material.load(options.data, device), checkpoint, start)
    with tqdm(total=parameters.steps, initial=training.step, delay=PATIENCE_S, unit="step") as bar:
        for progress in training:
            bar.update(progress.step - bar.n)
            bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
            if progress.scores:
                figures = ", ".join(f"{k} {v:.4f}" for k, v in progress.scores.items())
                bar.write(f"step {progress.step}: {figures}")
    digest = weights.save(training.averaged.module, output)
    print(f"{output}: {options.network} after {training.step} steps, sha256 {digest}")


def _demo(options: argparse.Namespace) -> None:
    from napari_focusstack.fusion import fuse_steps
    from napari_focusstack.io.samples import sample_pair
    from napari_focusstack.io.writer import write_image
    from napari_focusstack.metrics import psnr

    _make_folder(options.output)
    near, far, truth = sample_pair()
    result = _Bars().run(fuse_steps([near, far], None, FuseParameters()))
    made = _record(result)
    images = {
        "near.png": near,
        "far.png": far,
        "truth.png": truth,
        "labels.png": result.labels,
        "initial.png": result.initial,
        "all_in_focus.tif": result.image,
        "all_in_focus.png": result.image,
    }
    for name, image in images.items():
        write_image(options.output / name, image, record=made)
    region = result.transition_region
    where = region if region.any() else None
    print(f"{options.output}: {_summary(result)}")
    print("PSNR against the truth, dB      whole  transition region")
    for name, image in (
        ("before elimination", result.initial),
        ("after elimination", result.image),
    ):
        print(f"{name:<28}{psnr(image, truth):>9.2f}{psnr(image, truth, where):>19.2f}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}.") from error


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"napari-focusstack {version('napari-focusstack')}"
    except PackageNotFoundError:
        return "napari-focusstack (not installed)"
