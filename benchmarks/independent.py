"""Fusion judged by rulers that share no code with the imaging model: ours beside other stackers.

    python benchmarks/independent.py --dev ../shared/data/dev --rulers ../shared/rulers
    python benchmarks/independent.py --scenes SCENES/held --noise 0 0.01 0.03

``--dev`` holds a light field of 33 planes with truth, three real stacks, and pairs with and without
hand-made masks; ``--scenes`` thin-lens scenes of 33 planes with truth, see render_scenes.py. Of 33
planes every 1st, 2nd, 4th and 8th is taken. Printed are

- the PSNR of scenes with truth, dB, of 8-bit display values,
- of the others edges that no plane has and values out of the planes' range, %, and how badly the
  picture explains both planes of a pair beside its mask, by pictures.py of ``--rulers``.

Beside ours: the plane of the greatest Laplacian, a mean of all planes weighted by its fourth power,
the best plane of each pixel, which only the truth tells, and the programs of peers.py, installed
into ``--environments`` (left out if that is not given). Nothing is registered.
"""

import argparse
import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from natsort import natsorted
from peers import all_fused
from skimage.io import imread, imsave

import napari_focusstack as nfs
from napari_focusstack.evaluation.truth_metrics import psnr
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.imaging.blur import blur
from napari_focusstack.simulation.thin_lens.pool import load

#: Every so many planes, by the number of planes that are left of 33.
STEPS = {5: 8, 9: 4, 17: 2, 33: 1}
STACKS = ("beetle_z28", "scorpion_z14", "isl_phase_z13")
SHARPNESS_PX = 2.0
#: An exact picture has an infinite PSNR.
BEST_PSNR = 60.0


@dataclass
class Scene:
    """Planes of one row of a table; ``column`` names where its figure goes."""

    table: str
    column: str
    planes: list
    truth: np.ndarray | None = None
    mask: np.ndarray | None = None


def light_field(folder):
    return [imread(folder / f"plane_{k:02d}.png") for k in range(33)], imread(folder / "truth.png")


def thin_lens(path):
    scene = load(path)
    eight_bits = lambda pixels: (pixels / 257).round().astype(np.uint8)  # noqa: E731
    return [eight_bits(plane) for plane in scene.planes], eight_bits(scene.truth)


def with_truth(table, stacks, noises):
    for noise in noises:
        for seed, (planes, truth) in enumerate(stacks):
            noisy = with_noise(planes, noise, seed)
            for count, step in STEPS.items():
                name = f"{table}, noise {100 * noise:g}%, PSNR by planes"
                yield Scene(name, f"{count} planes", noisy[::step], truth)


def with_noise(planes, noise, seed):
    generator = np.random.default_rng(seed)
    noisy = [plane + 255 * noise * generator.standard_normal(plane.shape) for plane in planes]
    return [plane.clip(0, 255).round().astype(np.uint8) for plane in noisy] if noise else planes


def real_stacks(dev):
    for name in STACKS:
        files = natsorted((dev / name).iterdir(), key=str)
        yield Scene(name, "", [imread(path) for path in files])


def without_truth(dev):
    yield from real_stacks(dev)
    for near in sorted((dev / "pairs").glob("*-near.jpg")):
        far, mask = (
            near.with_name(near.name.replace("near.jpg", n)) for n in ("far.jpg", "mask.png")
        )
        mask = imread(mask)
        mask = (mask[..., 0] if mask.ndim == 3 else mask) / 255
        yield Scene("pairs", "", [imread(near), imread(far)], mask=mask)
    for first in sorted((dev / "pairs_no_mask").glob("*-A.*")):
        second = first.with_name(first.name.replace("-A.", "-B."))
        planes = [imread(path) for path in (first, second)]
        if planes[0].shape == planes[1].shape:
            yield Scene(
                "pairs without masks", "", [p[..., :3] if p.ndim == 3 else p for p in planes]
            )


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
    errors = np.stack([(p.astype(np.float32) - truth) ** 2 for p in planes])
    errors = errors.reshape(*errors.shape[:3], -1).mean(-1)
    return selected(planes, blur(torch.from_numpy(errors)[:, None], 1.0)[:, 0].argmin(0).numpy())


def own_pictures(scene):
    """Return fused pictures by the name of the method."""
    planes = scene.planes
    ours = nfs.fuse(planes, register="off")
    made = {
        "Laplacian": selected(planes, sharpness(planes).argmax(0)),
        "mean^4": weighted(planes),
        "ours, selection": ours.initial,
        "ours": ours.image,
    }
    if scene.truth is not None:
        made["ours, noise"] = nfs.fuse(planes, register="off", blend="noise").image
        made["best plane"] = best(planes, scene.truth)
    return made


def figures(scene, picture, ruler):
    """Return the figures of a picture by their columns."""
    if scene.truth is not None:
        return {scene.column: min(psnr(picture, scene.truth), BEST_PSNR)}
    scale = np.iinfo(picture.dtype).max
    unit, sources = picture / scale, [plane / scale for plane in scene.planes]
    darker, brighter = ruler.out_of_range(unit, sources)
    row = {
        "phantom": ruler.phantom_edges(unit, sources)[0],
        "darker": darker,
        "brighter": brighter,
        "worst range": max(darker, brighter),
    }
    if scene.mask is not None:
        row["explain far"], row["explain near"] = ruler.explain(*sources, unit, scene.mask)
    return row


def print_tables(scores):
    for table, methods in scores.items():
        columns = list(next(iter(methods.values())))
        print(f"\n{table}\n{'':18}", *(f"{column:>12}" for column in columns))
        for method, row in methods.items():
            # of the worst column the greatest, of the others the mean over scenes
            values = (max(row[c]) if c.startswith("worst") else np.mean(row[c]) for c in columns)
            print(f"{method:18}", *(f"{value:12.4f}" for value in values))


def lay_out(scenes, folder):
    for number, scene in enumerate(scenes):
        stack = folder / f"{number:04}"
        stack.mkdir(parents=True)
        for plane, pixels in enumerate(scene.planes):
            imsave(stack / f"{plane:03}.png", pixels, check_contrast=False)


def load_ruler(folder):
    spec = importlib.util.spec_from_file_location("pictures", folder / "pictures.py")
    ruler = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ruler)
    return ruler


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--dev", type=Path, help="light field with truth, real stacks and pairs")
    parser.add_argument("--rulers", type=Path, help="folder of pictures.py")
    parser.add_argument("--scenes", type=Path, help="thin-lens scenes of 33 planes")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.01, 0.03])
    parser.add_argument("--environments", type=Path, help="folder that keeps the other programs")
    options = parser.parse_args()
    scenes, ruler = [], None
    if options.dev:
        stacks = [light_field(options.dev / "lightfield_antinous")]
        scenes += with_truth("light field", stacks, options.noise)
    if options.scenes:
        stacks = [thin_lens(path) for path in sorted(options.scenes.rglob("*.npz"))]
        scenes += with_truth("thin lens", stacks, options.noise)
    if options.dev and options.rulers:
        scenes += without_truth(options.dev)
        ruler = load_ruler(options.rulers)
    scores = {}

    def note(scene, method, picture):
        row = scores.setdefault(scene.table, {}).setdefault(method, {})
        for column, value in figures(scene, picture, ruler).items():
            row.setdefault(column, []).append(value)

    for scene in scenes:
        for method, picture in own_pictures(scene).items():
            note(scene, method, picture)
    if options.environments:
        with tempfile.TemporaryDirectory() as temporary:
            stacks, outputs = Path(temporary) / "stacks", Path(temporary) / "outputs"
            lay_out(scenes, stacks)
            for peer, _ in all_fused(options.environments, stacks, outputs):
                for number, scene in enumerate(scenes):
                    note(scene, peer.name, imread(outputs / peer.name / f"{number:04}.png"))
    print_tables(scores)


if __name__ == "__main__":
    main()
