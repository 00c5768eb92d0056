"""SHA-256 of all outputs of ``napari-focusstack fuse`` for real pairs, stacks and samples.

    python benchmarks/output_hashes.py ../shared/data/dev [--only NAME]

Run it before and after a change that must not change any result, and compare the two lists with
``diff``. The hashes cover pixels, shapes, dtypes and the figures of the report, but not dates,
versions and paths.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from skimage.io import imread
from tifffile import imwrite

import napari_focusstack as nfs

OUTPUTS = ("image", "labels", "initial", "depth", "confidence")


def cases(dev: Path, folder: Path) -> dict[str, list[str]]:
    """Return the arguments of each case by its name: planes and options."""
    arguments = {
        f"pair {number}": [str(dev / f"pairs/{number}-{end}.jpg") for end in ("near", "far")]
        for number in ("01", "02", "03", "04", "05")
    }
    arguments["pair 01, subtract"] = [*arguments["pair 01"], "--elimination", "subtract"]
    arguments["pair 02, disk"] = [*arguments["pair 02"], "--psf-shape", "disk", "--no-crf"]
    for stack in ("beetle_z28", "scorpion_z14", "isl_phase_z13"):
        arguments[stack] = [str(dev / stack)]
    arguments["phase, sigma given"] = [str(dev / "isl_phase_z13"), "--psf", "1.2"]
    for name, plane in zip(("near", "far"), nfs.sample_pair((256, 384)), strict=False):
        imwrite(folder / f"{name}.tif", plane, photometric="rgb")
    arguments["sample pair"] = [str(folder / "near.tif"), str(folder / "far.tif")]
    for name, stack in samples().items():
        imwrite(
            folder / f"{name}.tif", stack, photometric="rgb" if stack.ndim == 4 else "minisblack"
        )
        arguments[name] = [str(folder / f"{name}.tif")]
    arguments["sample colours, near auto"] = [*arguments["sample colours"], "--near", "auto"]
    return arguments


def samples() -> dict:
    """Return the bundled stacks by name."""
    return {
        "sample colours": nfs.colour_stack((256, 384)),
        "sample microscopy": nfs.microscopy_stack((192, 256)),
    }


def digests(arguments: list[str], folder: Path) -> dict[str, str]:
    """Run the command and return the digest of each output by name."""
    command = [
        sys.executable,
        "-m",
        "napari_focusstack",
        "fuse",
        *arguments,
        "-o",
        str(folder / "image.tif"),
    ]
    for name in OUTPUTS[1:]:
        command += [f"--save-{name}", str(folder / f"{name}.tif")]
    command += ["--report", str(folder / "report.json")]
    subprocess.run(command, check=True, capture_output=True)
    hashes = {}
    for name in OUTPUTS:
        pixels = imread(folder / f"{name}.tif")
        hashes[name] = hashlib.sha256(
            f"{pixels.dtype}{pixels.shape}".encode() + pixels.tobytes()
        ).hexdigest()
    report = json.loads((folder / "report.json").read_text())["found"]
    figures = [
        report.get(name)
        for name in ("sigma_px", "sigma_background_px", "psf_shape", "reblur_residual")
    ]
    hashes["figures"] = hashlib.sha256(json.dumps(figures).encode()).hexdigest()
    return hashes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dev", type=Path, help="folder of the real pairs and stacks")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, arguments in cases(options.dev, folder).items():
            if options.only in case:
                for output, digest in digests(arguments, folder).items():
                    print(f"{case:>26} {output:>10} {digest[:32]}", flush=True)


if __name__ == "__main__":
    main()
