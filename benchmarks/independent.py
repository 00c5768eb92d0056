"""Fusion of pictures that the project's imaging equations did not render.

    python benchmarks/independent.py --dev ../shared/data/dev --rulers ../shared/rulers
    python benchmarks/render_scenes.py --data ../shared/data/train --out SCENES --scenes 0
    python benchmarks/independent.py --scenes SCENES/held

``--dev`` holds ``lightfield_antinous`` (33 planes with truth) and three real stacks, ``--rulers``
the measures that need no truth, ``--scenes`` thin-lens scenes of 33 planes. Every 8th, 4th, 2nd and
each plane is taken: 5, 9, 17 and 33 planes between the same two ends. Printed are means of the
PSNR, dB, of 8-bit display values; of real stacks phantom edges and values out of range, %, without
registration. Beside ours: the plane of the greatest Laplacian, a mean of all planes weighted by its
fourth power, and the best plane of each pixel, which only the truth tells apart.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import torch
from natsort import natsorted
from skimage.io import imread

import napari_focusstack as nfs
from napari_focusstack.evaluation.truth_metrics import psnr
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.imaging.blur import blur
from napari_focusstack.simulation.thin_lens.pool import load

#: Every so many planes, by the number of planes that are left of 33.
STEPS = {5: 8, 9: 4, 17: 2, 33: 1}
STACKS = ("beetle_z28", "scorpion_z14", "isl_phase_z13")
SHARPNESS_PX = 2.0


def sharpness(planes):
    """Return the Laplacian's magnitude, averaged over a Gaussian: (P, Y, X)."""
    grey = torch.from_numpy(np.stack(planes).astype(np.float32)).reshape(*np.shape(planes)[:3], -1)
    return blur(laplacian(grey.mean(-1)[:, None]).abs(), SHARPNESS_PX)[:, 0].numpy()


def selected(planes, index):
    return np.stack(planes)[index, *np.indices(index.shape)]


def weighted(planes):
    weights = (sharpness(planes) + 1e-3) ** 4
    weights /= weights.sum(0)
    mean = sum(w[..., None] * p.reshape(*w.shape, -1) for w, p in zip(weights, planes, strict=True))
    return mean.round().astype(planes[0].dtype).reshape(planes[0].shape)


def best(planes, truth):
    """Return the best plane of each pixel, by squared errors averaged over 1 px."""
    errors = np.stack([(p.astype(np.float32) - truth) ** 2 for p in planes]).mean(-1)
    return selected(planes, blur(torch.from_numpy(errors)[:, None], 1.0)[:, 0].argmin(0).numpy())


def pictures(planes, truth=None):
    """Return fused pictures by the name of the method."""
    made = {
        "Laplacian": selected(planes, sharpness(planes).argmax(0)),
        "mean^4": weighted(planes),
        "ours, selection": nfs.fuse(planes, elimination="none", register="off").image,
        "ours": nfs.fuse(planes, register="off").image,
    }
    return made if truth is None else {**made, "best plane": best(planes, truth)}


def with_noise(planes, noise, seed):
    generator = np.random.default_rng(seed)
    noisy = [plane + 255 * noise * generator.standard_normal(plane.shape) for plane in planes]
    return [plane.clip(0, 255).round().astype(np.uint8) for plane in noisy] if noise else planes


def light_field(folder):
    yield [imread(folder / f"plane_{k:02d}.png") for k in range(33)], imread(folder / "truth.png")


def thin_lens(folder):
    for path in sorted(folder.rglob("*.npz")):
        scene = load(path)
        yield [eight_bits(plane) for plane in scene.planes], eight_bits(scene.truth)


def eight_bits(pixels):
    return (pixels / 257).round().astype(np.uint8)


def print_psnr(name, scenes, noise):
    figures = {}
    for seed, (planes, truth) in enumerate(scenes):
        noisy = with_noise(planes, noise, seed)
        for count, step in STEPS.items():
            for method, picture in pictures(noisy[::step], truth).items():
                # an exact picture has an infinite PSNR
                figures.setdefault(method, {}).setdefault(count, []).append(
                    min(psnr(picture, truth), 60)
                )
    print(
        f"\n{name}, noise {100 * noise:g}%, planes", *(f"{count:7d}" for count in STEPS), "   mean"
    )
    for method, by_count in figures.items():
        means = [np.mean(by_count[count]) for count in STEPS]
        print(f"  {method:18}", *(f"{mean:7.2f}" for mean in means), f"{np.mean(means):7.2f}")


def print_real(dev, rulers):
    spec = importlib.util.spec_from_file_location("pictures", rulers / "pictures.py")
    ruler = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ruler)
    print("\nreal stacks, %                   phantom   darker brighter")
    for name in STACKS:
        planes = [imread(path) for path in natsorted((dev / name).iterdir(), key=str)]
        scale = np.iinfo(planes[0].dtype).max
        for method, picture in pictures(planes).items():
            unit, sources = picture / scale, [plane / scale for plane in planes]
            phantom, _ = ruler.phantom_edges(unit, sources)
            darker, brighter = ruler.out_of_range(unit, sources)
            print(f"  {name:14} {method:16}{phantom:8.3f}{darker:9.3f}{brighter:9.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--dev", type=Path, help="light field with truth, and real stacks")
    parser.add_argument("--rulers", type=Path, help="folder of pictures.py")
    parser.add_argument("--scenes", type=Path, help="thin-lens scenes of 33 planes")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.01, 0.03])
    options = parser.parse_args()
    for noise in options.noise:
        if options.dev:
            print_psnr("light field", light_field(options.dev / "lightfield_antinous"), noise)
        if options.scenes:
            print_psnr("thin lens", thin_lens(options.scenes), noise)
    if options.dev and options.rulers:
        print_real(options.dev, options.rulers)


if __name__ == "__main__":
    main()
