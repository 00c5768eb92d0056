"""Fuse rendered scenes with and without elimination, to train TEB with; goes on where it stopped.

    python benchmarks/make_rivals.py --data DIR --scenes DIR --out DIR --count 800

``--data`` holds photos/, shapes/ and cutouts/; ``--scenes`` train/ and held/ of render_scenes.py.
Of six examples two are thin-lens scenes, one is two planes of such a scene in either order, two are
pairs and stacks rendered by Eqs. 3 and 4, and one is fluorescence, whose light adds up.
In a third of them the blur is wrong, as estimates sometimes are, with the residual of that blur.
Each is photographed anew, 8-bit colour or 16-bit grey or colour.
"""

import argparse
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch

from napari_focusstack.elimination.arbitration import TransitionRegion
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear
from napari_focusstack.networks import weights
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.psf_estimation.boundary_patches import NoOcclusionBoundary
from napari_focusstack.runtime.progress import run
from napari_focusstack.simulation.chance import log_uniform
from napari_focusstack.simulation.fluorescence import fluorescence_stack
from napari_focusstack.simulation.material import SourceImages
from napari_focusstack.simulation.pairs import SceneParameters, synthesise
from napari_focusstack.simulation.stacks import StackParameters, focal_stack
from napari_focusstack.simulation.thin_lens.pool import load
from napari_focusstack.simulation.thin_lens.sensor import expose
from napari_focusstack.training.source_task import draw_defects, draw_planes
from napari_focusstack.training.trust_task import TrustExample, save_example

HELD_BACK_SEED = 1_000_000
PAIR_PX, STACK_PX = 192, 160
#: Share of wrong blurs, and the standard deviation of the log of their factor.
WRONG_SHARE, WRONG_BLUR = 0.33, 0.3
#: A transition region of a smaller share of a scene teaches nothing.
LEAST_REGION = 0.002


def thin_lens(paths, number, chance):
    """Return planes and truth of a scene."""
    scene = load(paths[number % len(paths)])
    return photographed(scene, np.sort(draw_planes(len(scene.planes), chance)), chance)


def thin_lens_pair(paths, number, chance):
    """Return two planes and the truth of a scene; of half of them the far plane comes first."""
    scene = load(paths[number % len(paths)])
    seen = np.sort(chance.choice(len(scene.planes), 2, replace=False))
    return photographed(scene, seen if chance.random() < 0.5 else seen[::-1], chance)


def photographed(scene, seen, chance):
    """Return planes of a scene and its truth, with the defects of a camera."""
    defects = draw_defects(chance)
    exposed = expose(scene.planes[seen], scene.truth, defects, chance)
    pictures = *exposed.planes, exposed.truth
    return digitised(pictures, grey=defects.grey, deep=defects.bits == 16)


def rendered(material, number, chance):
    """Return planes and truth of a pair or a stack rendered by the imaging model."""
    generator = torch.Generator().manual_seed(int(chance.integers(2**31)))
    clean = False
    if number % 4 < 2:
        scenes = SceneParameters(defects=float(chance.random() < 0.5))
        pair = synthesise(material, 1, PAIR_PX, generator, scenes)
        planes = [pair.near[0], pair.far[0]]
        truth = linear_to_srgb(pair.all_in_focus[0].clamp(0, 1))
    else:
        clean = bool(chance.random() < 0.5)  # as a scientific camera is
        scenes = StackParameters(0.0 if clean else 0.003, level=0.75, steps=65535 if clean else 255)
        stack = focal_stack(material, int(chance.integers(3, 13)), STACK_PX, generator, scenes)
        planes, truth = list(stack.planes), stack.all_in_focus
    noise = 0.0 if chance.random() < 0.6 else log_uniform(0.003, 0.03, chance)
    planes = [plane + noise * torch.randn(plane.shape, generator=generator) for plane in planes]
    grey = bool(chance.random() < 0.25)
    last = [each.permute(1, 2, 0).numpy() for each in (*planes, truth)]
    return digitised(last, grey=grey, deep=grey or clean)


def fluorescence(chance):
    """Return planes and truth of fluorescence."""
    stack = fluorescence_stack(int(chance.integers(2, 14)), STACK_PX, chance)
    return stack.planes, stack.all_in_focus


def digitised(pictures, *, grey, deep):
    """Return planes and truth, coded for display, as 8-bit sRGB or as 16-bit linear light."""
    last = [_digitised(picture, grey, deep) for picture in pictures]
    return last[:-1], last[-1]


def _digitised(picture, grey, deep):
    if not deep:
        picture = picture[..., 0] if grey else picture
        return (picture * 255).round().clip(0, 255).astype(np.uint8)
    light = srgb_to_linear(torch.from_numpy(picture).double().clamp(0, 1)).numpy()
    light = light.mean(-1) if grey else light
    return (light * 65535).round().astype(np.uint16)


def rivals_of(planes, truth, chance):
    """Return the example of a stack; None where nothing is eliminated."""
    pipeline = Pipeline(planes, FuseParameters(register="off", device="cpu"))
    stack = pipeline.stack
    focus, _ = run(pipeline.segment())
    try:
        psf = pipeline.estimate_psf(focus)
    except NoOcclusionBoundary:
        return None
    if chance.random() < WRONG_SHARE:
        wrong = psf.sigma_px * float(np.exp(chance.normal(0, WRONG_BLUR)))
        pipeline.parameters = replace(pipeline.parameters, psf=wrong)
        psf = pipeline.estimate_psf(focus)
    selection = run(pipeline.select())
    region = TransitionRegion(selection, focus, stack.intensity)
    run(pipeline.unmix(region, pipeline.surfaces.narrow(focus), psf, "unmix", stack.full))
    if region.mask.float().mean() < LEAST_REGION:
        return None
    rivals = region.rivals(psf, pipeline.noise, stack.full, stack.device)
    return TrustExample(rivals, stack.intensity.display(truth)[None])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1600)
    parser.add_argument("--held-back", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    torch.set_num_threads(options.threads)
    weights.load = cache(weights.load)
    material = dict(zip(("train", "held"), SourceImages.load(options.data).split(), strict=True))
    scenes = {part: sorted((options.scenes / part).glob("*.npz")) for part in material}
    jobs = [("held", n) for n in range(options.held_back)]
    jobs += [("train", n) for n in range(options.count)]
    for part, number in jobs:
        path = options.out / part / f"{number:05}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            continue
        chance = np.random.default_rng(number + HELD_BACK_SEED * (part == "held"))
        turn, kind = divmod(number, 3)
        if kind == 0:
            planes, truth = rendered(material[part], turn, chance)
        elif kind == 1:
            planes, truth = thin_lens(scenes[part], turn, chance)
        elif turn % 2 == 0:
            planes, truth = thin_lens_pair(scenes[part], turn // 2, chance)
        else:
            planes, truth = fluorescence(chance)
        try:
            example = rivals_of(planes, truth, chance)
        except InputError as reason:
            print(path.name, reason, flush=True)
            continue
        if example is not None:
            save_example(example, path)
            print(path, flush=True)


if __name__ == "__main__":
    main()
