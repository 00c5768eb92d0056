"""The command ``napari-focusstack``: fuse, batch, evaluate, simulate, train, demo."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from napari_focusstack import batch_command, fuse_command
from napari_focusstack.bars import PATIENCE_S
from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters, option_type
from napari_focusstack.training.recipe import TrainParameters

if TYPE_CHECKING:
    from collections.abc import Sequence


Parameters = TypeVar("Parameters", FuseParameters, TrainParameters)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every other error does."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help.")


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
    fuse_command.add_arguments(fuse)
    _add_options(fuse, FuseParameters)
    fuse.set_defaults(run=lambda o: fuse_command.run(o, _parameters(o, FuseParameters)))

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
    train.add_argument("network", choices=("fsb", "keb", "deb", "meb"))
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
    from napari_focusstack.bars import Bars
    from napari_focusstack.fusion import fuse
    from napari_focusstack.io.samples import sample_pair
    from napari_focusstack.io.writer import write_image
    from napari_focusstack.metrics import psnr
    from napari_focusstack.provenance import record

    _make_folder(options.output)
    near, far, truth = sample_pair()
    with Bars() as bars:
        result = fuse([near, far], progress=bars)
    made = {**record(result.parameters, weights=result.weights), "found": result.figures()}
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
    print(f"{options.output}: {fuse_command.summary(result)}")
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
