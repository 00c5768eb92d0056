"""SHA-256 of all that ``napari-focusstack fuse`` computes for real pairs, stacks and samples.

    python benchmarks/output_hashes.py ../shared/data/dev [--only NAME]

Run it before and after a change that must not alter any result, and compare the two lists with
``diff``. Pixels, shapes and dtypes count, and the figures of the report; dates, versions and paths
do not.
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
    """Return the arguments of each case: planes and options."""
    found = {
        f"pair {number}": [str(dev / f"pairs/{number}-{end}.jpg") for end in ("near", "far")]
        for number in ("01", "02", "03", "04", "05")
    }
    found["pair 01, subtract"] = [*found["pair 01"], "--elimination", "subtract"]
    found["pair 02, disk"] = [*found["pair 02"], "--psf-shape", "disk", "--no-crf"]
    for stack in ("beetle_z28", "scorpion_z14", "isl_phase_z13"):
        found[stack] = [str(dev / stack)]
    found["phase, sigma given"] = [str(dev / "isl_phase_z13"), "--psf", "1.2"]
    for name, plane in zip(("near", "far"), nfs.sample_pair((256, 384)), strict=False):
        imwrite(folder / f"{name}.tif", plane, photometric="rgb")
    found["sample pair"] = [str(folder / "near.tif"), str(folder / "far.tif")]
    for name, stack in samples().items():
        imwrite(
            folder / f"{name}.tif", stack, photometric="rgb" if stack.ndim == 4 else "minisblack"
        )
        found[name] = [str(folder / f"{name}.tif")]
    found["sample colours, near auto"] = [*found["sample colours"], "--near", "auto"]
    return found


def samples() -> dict:
    """Return the bundled stacks."""
    return {
        "sample colours": nfs.colour_stack((256, 384)),
        "sample microscopy": nfs.microscopy_stack((192, 256)),
    }


def digests(arguments: list[str], folder: Path) -> dict[str, str]:
    """Fuse by the command and return a digest of each output."""
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
    found = {}
    for name in OUTPUTS:
        pixels = imread(folder / f"{name}.tif")
        found[name] = hashlib.sha256(
            f"{pixels.dtype}{pixels.shape}".encode() + pixels.tobytes()
        ).hexdigest()
    report = json.loads((folder / "report.json").read_text())
    figures = [
        report.get(name)
        for name in ("sigma_px", "sigma_background_px", "psf_shape", "reblur_residual")
    ]
    found["figures"] = hashlib.sha256(json.dumps(figures).encode()).hexdigest()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dev", type=Path, help="folder of the real pairs and stacks")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case, arguments in cases(options.dev, folder).items():
            if options.only in case:
                for output, digest in digests(arguments, folder).items():
                    print(f"{case:>26} {output:>10} {digest[:32]}", flush=True)


if __name__ == "__main__":
    main()
