"""A picture sheet of an evaluation: what each program made of the hardest spot of each case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_focusstack.imaging.srgb import linear_to_srgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.evaluation.score import Scores


#: Side of a crop in the source, px, how much it is magnified, and the height of its caption, px.
CROP_PX, ZOOM, CAPTION_PX = 64, 3, 14


def picture_sheet(cases: Sequence[Scores]) -> np.ndarray:
    """Draw a row per case: planes, fused images with their PSNR in the transition region, truth.

    Parameters
    ----------
    cases : sequence of Scores
        From :func:`napari_focusstack.evaluation.score.evaluate`.

    Returns
    -------
    ndarray
        Shape (Y, X, 3), uint8: crops around the spot of the transition region where the planes
        differ most, magnified.
    """
    rows = [_row(case) for case in cases]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    )


def _row(case: Scores) -> np.ndarray:
    shown = {name: _display(image, case.images["near"]) for name, image in case.images.items()}
    where = _hardest(shown["near"], shown["far"], case.region)
    figures = {str(row["image"]): row.get("tr") for row in case.rows}
    name = case.rows[0]["case"]
    cells = []
    for kind, image in shown.items():
        figure = figures.get(kind)
        caption = f"{name} {kind}" if kind == "near" else kind
        cells.append(_cell(image[where], caption if figure is None else f"{kind} {figure:.1f}"))
    return np.concatenate(cells, axis=1)


def _display(image: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Return an image as 8-bit RGB; what is not 8 bits is linear light up to the plane's most."""
    if image.dtype != np.uint8:
        import torch

        light = torch.from_numpy(image.astype(np.float32) / max(float(plane.max()), 1e-6))
        image = (linear_to_srgb(light.clamp(0, 1)) * 255).round().byte().numpy()
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _hardest(near: np.ndarray, far: np.ndarray, region: np.ndarray) -> tuple[slice, slice]:
    """Return the crop of the transition region in which the planes differ most."""
    difference = np.abs(near.astype(float) - far).mean(2)
    if region.any():
        difference = difference * region
    crowd = ndimage.uniform_filter(difference, CROP_PX, mode="constant")
    middle = np.unravel_index(crowd.argmax(), crowd.shape)
    first = [
        int(np.clip(at - CROP_PX // 2, 0, max(0, length - CROP_PX)))
        for at, length in zip(middle, region.shape, strict=True)
    ]
    return slice(first[0], first[0] + CROP_PX), slice(first[1], first[1] + CROP_PX)


def _cell(crop: np.ndarray, caption: str) -> np.ndarray:
    from PIL import Image, ImageDraw

    side = CROP_PX * ZOOM
    cell = Image.new("RGB", (side + 2, side + CAPTION_PX + 2), "white")
    magnified = Image.fromarray(crop).resize(
        (crop.shape[1] * ZOOM, crop.shape[0] * ZOOM), Image.Resampling.NEAREST
    )
    cell.paste(magnified, (1, CAPTION_PX + 1))
    ImageDraw.Draw(cell).text((3, 1), caption, fill="black")
    return np.asarray(cell)
