"""The specimen of the sample pair: body, legs and bristles."""

from __future__ import annotations

import numpy as np

from napari_focusstack.samples.drawing import cover, taper


def sample_layers(
    size: tuple[int, int] = (384, 512),
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make two sharp layers, from which a focal stack can be simulated.

    The textures (a tissue section for the background, gravel for the foreground) are images inside
    the package scikit-image, so nothing is downloaded. The outline makes elimination hard: it has
    legs and bristles 1 to 3 px wide (at the default size), and a hole.

    Parameters
    ----------
    size : tuple of int
        Height and width, px.

    Returns
    -------
    foreground : ndarray of float32, (Y, X, 3)
        sRGB-coded, 0 to 1, defined in the whole image.
    alpha : ndarray of float32, (Y, X)
        Share of each pixel that the foreground covers, 0 to 1, with anti-aliased edges.
    background : ndarray of float32, (Y, X, 3)
        sRGB-coded, 0 to 1.

    Examples
    --------
    >>> foreground, alpha, background = sample_layers((96, 128))
    >>> foreground.shape, alpha.shape, background.shape
    ((96, 128, 3), (96, 128), (96, 128, 3))
    """
    from skimage import data

    scale = min(size[0] / 384, size[1] / 512)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    # Coordinates from the centre, in px of the default size; the specimen is rotated slightly.
    y, x = (y - size[0] / 2) / scale, (x - size[1] / 2) / scale
    inside_px = scale * _specimen(0.98 * y + 0.2 * x, 0.98 * x - 0.2 * y)
    alpha = np.clip(inside_px + 0.5, 0, 1)

    skin = cover(data.gravel(), size)[..., None]
    # Rounded towards its edge, lit from the upper left.
    depth = np.clip(inside_px / (60 * scale), 0, 1)[..., None] ** 0.5
    light = (0.45 + 0.55 * depth) * (1 - (x + y)[..., None] / 900)
    teal = np.array([0.3, 0.62, 0.6])
    foreground = np.clip(teal * (0.25 + 1.1 * skin) * light, 0, 1)
    return (
        foreground.astype(np.float32),
        alpha.astype(np.float32),
        cover(data.immunohistochemistry(), size),
    )


def _specimen(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the signed distance to the outline, px, positive inside."""
    angle = np.arctan2(y, x)
    wobble = 1 + 0.04 * np.sin(3 * angle + 1) + 0.025 * np.sin(7 * angle)
    body = 70 * wobble - np.hypot(y, x / 1.35)
    head = 33 - np.hypot(y, (x - 94) / 1.2)
    # Two palps that meet in front of the head and leave a hole between them.
    palps = 4 - np.abs(np.hypot(y, (x - 147) / 1.3) - 17)
    inside = np.maximum.reduce([body, head, palps])
    for y0, x0, y1, x1, width0, width1 in [*_legs(), *_bristles()]:
        inside = np.maximum(inside, taper(y, x, (y0, x0), (y1, x1), width0, width1))
    return inside


def _legs() -> list[tuple[float, ...]]:
    """Return four legs on each side, of three parts each: (y0, x0, y1, x1, width0, width1)."""
    parts: list[tuple[float, ...]] = []
    for side in (-1, 1):
        for i, hip in enumerate((55, 22, -15, -48)):
            lean = (60, 22, -22, -62)[i] + 6 * side
            joints = [
                (side * 45, hip),
                (side * 92, hip + 0.5 * lean),
                (side * (122 + 8 * (i % 2)), hip + 1.15 * lean),
                (side * (160 + 5 * (i % 3)), hip + 1.3 * lean + 10 * side),
            ]
            for k in range(3):
                parts.append((*joints[k], *joints[k + 1], 5.0 - 1.4 * k, 3.6 - 1.2 * k))
    return parts


def _bristles() -> list[tuple[float, ...]]:
    """Return hairs around the body, of random length and direction, in the same form."""
    rng = np.random.default_rng(7)
    hairs: list[tuple[float, ...]] = []
    for turn in np.linspace(0.5, 2 * np.pi - 0.5, 46) + rng.normal(0, 0.04, 46):
        length, lean = rng.uniform(14, 34), rng.normal(0, 0.25)
        y0, x0 = 66 * np.sin(turn), 66 * 1.35 * np.cos(turn)
        y1, x1 = y0 + length * np.sin(turn + lean), x0 + length * np.cos(turn + lean)
        hairs.append((y0, x0, y1, x1, 2.4, 1.0))
    return hairs
