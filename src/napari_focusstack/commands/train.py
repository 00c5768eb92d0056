"""The command ``napari-focusstack train``: train a network on simulated scenes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.commands.options import add_options, read_parameters
from napari_focusstack.commands.progress_bars import DELAY_S
from napari_focusstack.errors import InputError
from napari_focusstack.training.config import PURPOSES, TrainParameters

if TYPE_CHECKING:
    import argparse

HELP = "train a network on simulated scenes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    help_text = TrainParameters.__dataclass_fields__["network"].metadata["help"]
    parser.add_argument("network", choices=tuple(PURPOSES), help=f"network to train: {help_text}")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of pictures, or with photos/, shapes/, ..."
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="weights to write (default NETWORK.safetensors)"
    )
    parser.add_argument(
        "--checkpoint", type=Path, help="checkpoint (default beside the output, .ckpt)"
    )
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint")
    parser.add_argument(
        "--start", type=Path, help="weights to start from; shipped for those of the package"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    add_options(parser, TrainParameters, exclude=("network",))


def run(options: argparse.Namespace) -> None:
    """Train a network and write the averaged weights."""
    from tqdm import tqdm

    from napari_focusstack.files import check_writable
    from napari_focusstack.networks import weights
    from napari_focusstack.networks.device import resolve_device
    from napari_focusstack.runtime.paths import check_apart
    from napari_focusstack.simulation.material import SourceImages
    from napari_focusstack.training.comparison import compare
    from napari_focusstack.training.trainer import Training

    output = options.output or Path(f"{options.network}.safetensors")
    check_writable(output, suffixes=(".safetensors",))
    checkpoint = options.checkpoint or output.with_suffix(".ckpt")
    is_file = options.start is not None and str(options.start) != "shipped"
    check_apart([output, checkpoint], [options.start] if is_file else [])
    if checkpoint.exists() and not options.resume:
        raise InputError(f"{checkpoint} is there already; give --resume to go on, or delete it.")
    device = resolve_device(options.device)
    parameters = read_parameters(options, TrainParameters)
    start = None
    if options.start is not None:
        start, _ = weights.load(options.network, device, options.start if is_file else None)
    training = Training(parameters, SourceImages.load(options.data, device), checkpoint, start)
    with tqdm(total=parameters.steps, initial=training.step, delay=DELAY_S, unit="step") as bar:
        for progress in training:
            bar.update(progress.step - bar.n)
            bar.set_postfix(loss=f"{progress.loss:.3f}", refresh=False)
            if progress.scores:
                figures = ", ".join(f"{k} {v:.4f}" for k, v in progress.scores.items())
                bar.write(f"step {progress.step}: {figures}")
    digest = weights.save(training.averaged.module, output)
    print(f"{output}: {options.network} after {training.step} steps, sha256 {digest}")
    print(compare(training).sentence)
