"""Masks of pairs rendered by SciPy and OpenCV: sheets with text, shapes, hairs, blank surfaces.

    python benchmarks/masks.py --data DIR [--pairs 60] [--first 1000] [--deb FILE]

``--data`` holds photos/ and shapes/ (alphas). Each pair is a foreground before a background,
blurred by a Gaussian or a disk in linear light, some with noise. It shares nothing with the
simulation that the networks were trained on but the pictures. Printed is the mean IoU of the
foreground for each kind of pair, and how many pairs are below 0.85.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from layered import blurred, srgb

import napari_focusstack as nfs

LETTERS = list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghiklmnop0123456789   ")
FONTS = (0, 2, 3, 4, 6)
#: Mean IoU below which a mask is bad.
BAD = 0.85
#: Alphas are drawn at four times the size.
FINE = 4


def linear(image):
    return np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)


def photo(chance, files, height, width):
    """Return a crop of a photograph, 0..1."""
    image = cv2.imread(str(files[chance.integers(len(files))]))
    scale = max(height / image.shape[0], width / image.shape[1], chance.uniform(0.2, 1))
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[..., ::-1]
    top = chance.integers(max(1, image.shape[0] - height + 1))
    left = chance.integers(max(1, image.shape[1] - width + 1))
    crop = image[top : top + height, left : left + width] / 255
    return cv2.resize(crop, (width, height)) if crop.shape[:2] != (height, width) else crop


def page(chance, height, width):
    """Return a sheet of one colour with lines of text, 0..1."""
    paper = chance.uniform(0.35, 0.95) * np.array(
        [1, chance.uniform(0.9, 1), chance.uniform(0.8, 1)]
    )
    shade = np.linspace(chance.uniform(0.85, 1), 1, height)[:, None, None]
    image = (255 * paper * shade * np.ones((height, width, 1))).astype(np.uint8)
    line = 15.0
    while line < height:
        size = chance.uniform(0.3, 0.9)
        if chance.random() < 0.7:
            text = "".join(chance.choice(LETTERS, chance.integers(2, 40)))
            ink = tuple(float(value) for value in 255 * paper * chance.uniform(0.1, 0.6))
            place = int(chance.integers(-20, width // 2)), int(line)
            thick = int(chance.integers(1, 3))
            font = int(chance.choice(FONTS))
            cv2.putText(image, text, place, font, size, ink, thick, cv2.LINE_AA)
        line += size * chance.uniform(25, 60)
    return image / 255


def blank(chance, height, width):
    """Return one colour, unevenly lit, 0..1."""
    light = np.linspace(0.8, 1, width)[None, :, None] * chance.uniform(0.05, 0.9, 3)
    return light * np.ones((height, 1, 1))


def coverage(chance, kind, shapes, height, width):
    """Return the foreground's alpha, (Y, X), 0..1."""
    fine = np.zeros((FINE * height, FINE * width), np.uint8)
    rows, columns = fine.shape
    if kind in ("page", "photo"):
        centre = chance.uniform(0, 1) * columns, chance.uniform(0.2, 1) * rows
        sides = chance.uniform(0.5, 1.2) * columns, chance.uniform(0.5, 1.2) * rows
        box = cv2.boxPoints((centre, sides, chance.uniform(-15, 15)))
        cv2.fillConvexPoly(fine, box.astype(int), 255)
        if chance.random() < 0.3:
            cv2.circle(fine, [int(c) for c in centre], int(chance.uniform(20, 120)), 0, -1)
    elif kind == "shape":
        image = cv2.imread(str(shapes[chance.integers(len(shapes))]), cv2.IMREAD_UNCHANGED)
        alpha = image if image.ndim == 2 else image[..., -1 if image.shape[2] == 4 else 0]
        size = [int(side * chance.uniform(0.5, 0.9)) for side in (columns, rows)]
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        top, left = (
            chance.integers(whole - part + 1)
            for whole, part in zip(fine.shape, alpha.shape, strict=True)
        )
        fine[top : top + alpha.shape[0], left : left + alpha.shape[1]] = (alpha > 127) * 255
    else:
        for _ in range(chance.integers(2, 8)):
            ends = [[int(chance.uniform(0, side)) for side in (columns, rows)] for _ in range(2)]
            cv2.line(fine, *ends, 255, int(chance.uniform(6, 40)))
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA) / 255


def pair(seed, photos, shapes):
    """Return near and far plane, 8 bits, the true mask, and what they show, in words."""
    chance = np.random.default_rng(seed)
    size = int(chance.integers(160, 300)), int(chance.integers(220, 400))
    kind = chance.choice(["page", "page", "photo", "shape", "shape", "hair"])
    behind = chance.choice(["photo", "photo", "page", "blank"])
    alpha = coverage(chance, kind, shapes, *size)[..., None]
    front = page(chance, *size) if kind == "page" else photo(chance, photos, *size)
    painted = {"page": page, "blank": blank}
    ground = painted[behind](chance, *size) if behind in painted else photo(chance, photos, *size)
    front, ground = linear(front), linear(ground)
    sigma = chance.uniform(1.5, 6)
    other, is_disk = sigma * chance.uniform(0.7, 1.3), chance.random() < 0.5
    near = front * alpha + blurred(ground, other, is_disk) * (1 - alpha)
    far = blurred(front * alpha, sigma, is_disk)
    far = far + ground * (1 - blurred(alpha, sigma, is_disk))
    noise = chance.choice([0, 0, 0.005, 0.01])
    planes = [srgb(light) + noise * chance.normal(size=light.shape) for light in (near, far)]
    planes = [(255 * plane.clip(0, 1)).round().astype(np.uint8) for plane in planes]
    return planes, alpha[..., 0] > 0.5, f"{kind} before {behind}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--deb")
    chosen = parser.parse_args()
    photos, shapes = (sorted((chosen.data / name).iterdir()) for name in ("photos", "shapes"))
    overlaps = defaultdict(list)
    for seed in range(chosen.first, chosen.first + chosen.pairs):
        planes, truth, words = pair(seed, photos, shapes)
        given = {"deb_weights": chosen.deb, "register": "off", "elimination": "none"}
        mask = nfs.fuse(planes, near="first", **given).labels == 1
        overlaps[words].append(float((mask & truth).sum() / max((mask | truth).sum(), 1)))
    for words, each in sorted(overlaps.items()):
        print(f"{words:20s} {len(each):3d} pairs, mean IoU {np.mean(each):.3f}")
    every = np.concatenate(list(overlaps.values()))
    print(f"all: mean {every.mean():.3f}, median {np.median(every):.3f}, ", end="")
    print(f"{(every < BAD).sum()} of {len(every)} below {BAD}")


if __name__ == "__main__":
    main()
