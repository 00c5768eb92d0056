"""Random layered scenes, rendered by SciPy and OpenCV: is the picture worse than a selection?

    python benchmarks/layered.py [--scenes 100] [--first 0]

Each scene is a textured background, flat or slanted, behind one to three layers of disks, bars,
blobs or hairs, in 2 to 40 planes, blurred by a Gaussian or a disk in linear light; 12-bit grey or
8-bit sRGB; some with noise, drifting light, JPEG, or clipped highlights. Printed are the PSNR of
ours, of our selection without elimination, and of the plane of the greatest Laplacian, dB, after
the best gain and offset, for scenes where ours is more than 0.1 dB below one of them; at the end
the means, and how often that was.
"""

import argparse
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

import napari_focusstack as nfs

SIDE = 160
PLANES = (2, 3, 5, 8, 12, 20, 40)
FLAWS = ("none", "none", "noise", "drift", "jpeg", "clip")
#: Depths at which a slanted background is blurred; those between are mixed.
SLANT = np.linspace(0.6, 1.0, 9)
#: Distance, dB, from which on a picture is worse.
WORSE = 0.1
#: Rows and columns at the border that do not count: blur sees beyond it.
BORDER = 3


@dataclass
class Scene:
    """Planes, nearest first, the sharp picture in their values, and what they are, in words."""

    planes: list
    truth: np.ndarray
    words: str


def blurred(image, sigma_px, is_disk):
    """Return an image (Y, X, C) after a Gaussian blur, or that of a disk of twice the radius."""
    if sigma_px < 0.3:
        return image
    if not is_disk:
        return gaussian_filter(image, (sigma_px, sigma_px, 0))
    reach = int(np.ceil(2 * sigma_px)) + 1
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(2 * sigma_px + 0.5 - np.hypot(rows, columns), 0, 1)
    image = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
    return image.reshape(*image.shape[:2], -1)


def texture(chance, channels):
    """Return light (Y, X, C) of fine and coarse detail, in some with blank parts."""
    fine_px, coarse_px, share = chance.uniform(0.5, 2), chance.uniform(2, 8), chance.uniform(0.6, 3)
    noise = chance.random((2, SIDE, SIDE, channels))
    noise = 0.7 * noise.mean(-1, keepdims=True) + 0.3 * noise
    light = blurred(noise[0], fine_px, False) + share * blurred(noise[1], coarse_px, False)
    low, high = np.sort(chance.uniform(0.02, 0.98, 2))
    light = low + max(high - low, 0.15) * (light - light.min()) / np.ptp(light)
    if chance.random() < 0.3:
        blank = blurred(chance.random((SIDE, SIDE, 1)), 12, False)
        blank = blurred((blank > np.median(blank)).astype(float), 3, False)
        light = light * (1 - blank) + light.mean((0, 1)) * blank
    return np.clip(light, 0, 1)


def coverage(chance):
    """Return where a layer is, (Y, X, 1): a disk, a bar, blobs, or hairs."""
    rows, columns = np.mgrid[:SIDE, :SIDE]

    def bar(half_px):
        angle, at = chance.uniform(0, np.pi), chance.uniform(0, SIDE, 2)
        across = (columns - at[0]) * np.cos(angle) + (rows - at[1]) * np.sin(angle)
        return np.abs(across) < half_px

    kind = chance.integers(4)
    if kind == 0:
        at = chance.uniform(0.2, 0.8, 2) * SIDE
        layer = np.hypot(rows - at[0], columns - at[1]) < chance.uniform(0.08, 0.25) * SIDE
    elif kind == 1:
        layer = bar(chance.uniform(0.7, 6))
    elif kind == 2:
        field = gaussian_filter(chance.random((SIDE, SIDE)), SIDE / 12)
        layer = field > np.quantile(field, chance.uniform(0.6, 0.9))
    else:
        layer = np.any([bar(chance.uniform(0.5, 3)) for _ in range(chance.integers(2, 7))], 0)
    return layer.astype(float)[..., None]


def scene(seed):
    """Return a scene by its number."""
    chance = np.random.default_rng(seed)
    channels, count, is_disk = chance.choice([1, 3]), chance.choice(PLANES), chance.random() < 0.5
    total_px, is_slanted = chance.uniform(2.6, 10.4), chance.random() < 0.4
    depths = np.sort(chance.uniform(0, 1, chance.integers(1, 4)))
    depths[0] = 0
    background = texture(chance, channels)
    layers = [(coverage(chance), texture(chance, channels), depth) for depth in depths]

    def over(light, place=None):
        for cover, front, depth in reversed(layers):
            sigma_px = 0 if place is None else total_px * abs(place - depth)
            alpha = blurred(cover, sigma_px, is_disk)
            light = blurred(cover * front, sigma_px, is_disk) + (1 - alpha) * light
        return light

    def behind(place):
        if not is_slanted:
            return blurred(background, total_px * (1 - place), is_disk)
        levels = np.stack(
            [blurred(background, total_px * abs(place - at), is_disk) for at in SLANT]
        )
        at = np.linspace(0, len(SLANT) - 1, SIDE)
        lower = np.minimum(at.astype(int), len(SLANT) - 2)
        part, rows = (at - lower)[:, None, None], np.arange(SIDE)
        return (1 - part) * levels[lower, rows] + part * levels[lower + 1, rows]

    planes = [over(behind(place), place) for place in np.linspace(0, 1, count)]
    flaw = chance.choice(FLAWS)
    words = f"{count} planes, {len(depths)} layers, {channels} channels, {flaw}"
    return Scene(*coded(chance, planes, over(background), flaw), words)


def srgb(light):
    """Return light, 0..1, coded as sRGB, 0..1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def coded(chance, planes, truth, flaw):
    """Return planes and truth as 12-bit grey or 8-bit sRGB, the planes with a flaw."""
    if flaw == "noise":
        sigma = chance.uniform(0.002, 0.02)
        planes = [plane + chance.normal(0, sigma, plane.shape) for plane in planes]
    elif flaw == "drift":
        gains = 0.6 + 0.4 * np.linspace(0, 1, len(planes)) * chance.uniform(0.1, 1)
        planes = [plane * gain for plane, gain in zip(planes, gains, strict=True)]
    elif flaw == "clip":
        gain = chance.uniform(1.05, 1.3)
        planes, truth = [plane * gain for plane in planes], np.clip(truth * gain, 0, 1)
    if truth.shape[2] == 1:
        grey = [np.rint(4095 * np.clip(plane[..., 0], 0, 1)).astype(np.uint16) for plane in planes]
        return grey, 4095 * truth[..., 0]

    colours = [np.rint(255 * srgb(plane)).astype(np.uint8) for plane in planes]
    if flaw == "jpeg":
        quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
        files = [cv2.imencode(".jpg", plane, quality)[1] for plane in colours]
        colours = [cv2.imdecode(file, cv2.IMREAD_COLOR) for file in files]
    return colours, 255 * srgb(truth)


def psnr(image, truth):
    """Return the PSNR after the gain and offset that suit an image best, dB."""
    image, truth = (each[BORDER:-BORDER, BORDER:-BORDER] for each in (image, truth))
    design = np.stack([image.ravel().astype(float), np.ones(image.size)], 1)
    terms = np.linalg.lstsq(design, truth.ravel(), rcond=None)[0]
    error = np.sqrt(((design @ terms - truth.ravel()) ** 2).mean())
    return 20 * np.log10((4095 if truth.ndim == 2 else 255) / max(error, 1e-3))


def sharpest(planes):
    """Return the plane of the greatest Laplacian, averaged over a Gaussian of 2 px."""
    stack = np.stack(planes)
    grey = stack.astype(float) if stack.ndim == 3 else stack.mean(-1)
    detail = [gaussian_filter(np.abs(cv2.Laplacian(plane, -1)), 2) for plane in grey]
    source = np.argmax(detail, 0)[None]
    return np.take_along_axis(stack, source if stack.ndim == 3 else source[..., None], 0)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    gains = []
    for number in range(options.first, options.first + options.scenes):
        each = scene(number)
        result = nfs.fuse(each.planes)
        pictures = (result.image, result.initial, sharpest(each.planes))
        ours, selected, laplacian = (psnr(picture, each.truth) for picture in pictures)
        gains.append((ours - selected, ours - laplacian))
        if min(gains[-1]) < -WORSE:
            figures = f"ours {ours:.2f}, selected {selected:.2f}, Laplacian {laplacian:.2f}"
            print(f"{number}: {figures} ({each.words})", flush=True)
    for name, of_scenes in zip(("selection", "Laplacian"), np.transpose(gains), strict=True):
        worse = int((of_scenes < -WORSE).sum())
        print(f"over the {name}: {of_scenes.mean():+.2f} dB, worse in {worse} of {len(gains)}")


if __name__ == "__main__":
    main()
