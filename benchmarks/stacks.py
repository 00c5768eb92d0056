"""Quality on focal stacks of more than two planes.

    python benchmarks/stacks.py --data DIR        # simulated stacks of held-back images
    python benchmarks/stacks.py --motorcycle      # a photograph with measured depth

Quality: PSNR in dB, whole and at depth edges, and share of labels within one plane. Beside ours
stand the selection of the sharpest plane of each pixel, and the result of the true depth and blur.
"""

import argparse
from pathlib import Path

import numpy as np
import skimage.data
import torch
import torch.nn.functional as functional
from scipy.ndimage import distance_transform_edt

from napari_focusstack.evaluation.truth_metrics import psnr
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.simulation.material import SourceImages
from napari_focusstack.simulation.stacks import FocalStackTruth, focal_stack

PLANES = 10


def eight_bits(picture):
    """Return an image (3, Y, X), 0..1, as (Y, X, 3) uint8."""
    return (picture.permute(1, 2, 0) * 255).round().byte().numpy()


def depth_edges(truth):
    """Return the pixels (Y, X) that the blur across a depth edge of more than a step can reach."""
    depth = truth.depth[None]
    jump = functional.max_pool2d(depth, 3, 1, 1) + functional.max_pool2d(-depth, 3, 1, 1) > 1
    reach = max(3, int(3 * truth.sigma_px))
    return functional.max_pool2d(jump.float(), 2 * reach + 1, 1, reach)[0].numpy() > 0


def sharpest(planes):
    """Return labels (Y, X) by the largest Laplacian energy, averaged over a Gaussian of 2 px."""
    energy = laplacian(planes.mean(1, keepdim=True)).abs()
    return blur(energy, 2.0)[:, 0].argmax(0).numpy().astype(np.uint8) + 1


def in_pairs(scores):
    """Format scores two by two: whole, at depth edges."""
    pairs = zip(scores[::2], scores[1::2], strict=True)
    return "  ".join(f"{whole:5.1f} / {edges:5.1f}" for whole, edges in pairs)


def simulated(data, count):
    """Yield scenes of held-back images."""
    _, held_back = SourceImages.load(data).split()
    generator = torch.Generator().manual_seed(5)
    for _ in range(count):
        yield focal_stack(held_back, PLANES, 256, generator)


def motorcycle():
    """Yield a photograph with measured depth (Middlebury 2014), cut into as many layers as planes.

    Each layer is blurred in proportion to its distance from the plane. A layer ends where it is
    hidden in the photograph, so light is divided by coverage. Noise is 0.3% of full scale.
    """
    left, _, disparity = skimage.data.stereo_motorcycle()
    unknown = ~np.isfinite(disparity)
    nearest = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    disparity = disparity[tuple(nearest)]
    low, high = np.percentile(disparity, [1, 99])
    depth = ((high - disparity) / (high - low)).clip(0, 1) * (PLANES - 1)
    depth = torch.from_numpy(depth).round().float()
    right = torch.from_numpy(left).permute(2, 0, 1) / 255
    noise = torch.Generator().manual_seed(0)
    for sigma_px in (0.8, 1.5, 2.2):
        planes = []
        for plane in range(PLANES):
            image = torch.zeros(4, *depth.shape)
            for layer in reversed(range(PLANES)):
                sharp = premultiply(srgb_to_linear(right), (depth == layer)[None].float())
                blurred = blur(sharp, sigma_px * abs(layer - plane))
                image = blurred + (1 - blurred[-1:]) * image
            planes.append(linear_to_srgb((image[:-1] / image[-1:].clamp(min=1e-4)).clamp(0, 1)))
        stack = torch.stack(planes)
        stack = stack + 0.003 * torch.randn(stack.shape, generator=noise)
        whole = torch.ones_like(depth)
        yield FocalStackTruth(stack.clamp(0, 1), right, whole, depth, depth, sigma_px)


def quality(scenes):
    rows = []
    print("stack  sharpest plane  ours           true depth     within one  sigma, true")
    for number, truth in enumerate(scenes):
        planes = [eight_bits(plane) for plane in truth.planes]
        right, edges = eight_bits(truth.all_in_focus), depth_edges(truth)
        ours = fuse(planes, device="cpu")
        pipeline = Pipeline(planes, FuseParameters(device="cpu"))
        known = FocusMap.of_depth(truth.depth[None] + 1, PLANES)
        images = [
            fuse(planes, labels=sharpest(truth.planes), elimination="none").image,
            ours.image,
            run(pipeline.eliminate(known, Psf(truth.sigma_px, truth.sigma_px)))[0],
        ]
        within = np.abs(ours.labels.astype(int) - truth.labels.numpy()) <= 1
        regions = np.ones_like(edges), edges
        scores = [psnr(image, right, region) for image in images for region in regions]
        rows.append([*scores, within.mean()])
        estimated = "-" if ours.psf is None else f"{ours.psf.sigma_px:.2f}"
        sigmas = f"{estimated}, {truth.sigma_px:.2f}"
        print(f"{number:5}  {in_pairs(scores)}  {within.mean():.3f}       {sigmas}")
    mean = np.mean(rows, 0)
    print(f" mean  {in_pairs(mean[:-1])}  {mean[-1]:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with photos/, shapes/, cutouts/")
    parser.add_argument("--count", type=int, default=12, help="simulated stacks")
    parser.add_argument(
        "--motorcycle", action="store_true", help="a photograph with measured depth"
    )
    options = parser.parse_args()
    if options.data:
        quality(simulated(options.data, options.count))
    if options.motorcycle:
        quality(motorcycle())


if __name__ == "__main__":
    main()
