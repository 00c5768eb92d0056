"""The contact sheet of an evaluation: the most difficult region of each case, for all methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_focusstack.imaging.srgb import linear_to_srgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.evaluation.score import Scores


#: Side of a crop in the source, px, its magnification, and height of its caption, px (convention).
CROP_PX, ZOOM, CAPTION_PX = 64, 3, 14


def contact_sheet(cases: Sequence[Scores]) -> np.ndarray:
    """Draw a row per case: planes, fused images with their PSNR, and ground truth.

    Parameters
    ----------
    cases : sequence of Scores
        From :func:`napari_focusstack.evaluation.score.evaluate`.

    Returns
    -------
    ndarray
        Shape (Y, X, 3), uint8: magnified crops around the part of the transition region in which
        the planes differ most. The PSNR is that in the transition region.
    """
    rows = [_row(case) for case in cases]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    )


def _row(case: Scores) -> np.ndarray:
    """Draw the crops of a case side by side."""
    displayed = {name: _display(image, case.images["near"]) for name, image in case.images.items()}
    crop = _most_difficult_crop(displayed["near"], displayed["far"], case.region)
    figures = {str(row["image"]): row.get("tr") for row in case.rows}
    name = case.rows[0]["case"]
    cells = []
    for kind, image in displayed.items():
        figure = figures.get(kind)
        caption = f"{name} {kind}" if kind == "near" else kind
        cells.append(_cell(image[crop], caption if figure is None else f"{kind} {figure:.1f}"))
    return np.concatenate(cells, axis=1)


def _display(image: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Return an image as 8-bit RGB; other dtypes are linear light, scaled by the plane's peak."""
    if image.dtype != np.uint8:
        import torch

        light = torch.from_numpy(image.astype(np.float32) / max(float(plane.max()), 1e-6))
        image = (linear_to_srgb(light.clamp(0, 1)) * 255).round().byte().numpy()
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _most_difficult_crop(
    near: np.ndarray, far: np.ndarray, region: np.ndarray
) -> tuple[slice, slice]:
    """Return the crop in whose part of the transition region the planes differ most."""
    difference = np.abs(near.astype(float) - far).mean(2)
    if region.any():
        difference = difference * region
    mean_difference = ndimage.uniform_filter(difference, CROP_PX, mode="constant")
    centre = np.unravel_index(mean_difference.argmax(), mean_difference.shape)
    top, left = (
        int(np.clip(position - CROP_PX // 2, 0, max(0, length - CROP_PX)))
        for position, length in zip(centre, region.shape, strict=True)
    )
    return slice(top, top + CROP_PX), slice(left, left + CROP_PX)


def _cell(crop: np.ndarray, caption: str) -> np.ndarray:
    """Draw a magnified crop below its caption."""
    from PIL import Image, ImageDraw

    side = CROP_PX * ZOOM
    cell = Image.new("RGB", (side + 2, side + CAPTION_PX + 2), "white")
    magnified = Image.fromarray(crop).resize(
        (crop.shape[1] * ZOOM, crop.shape[0] * ZOOM), Image.Resampling.NEAREST
    )
    cell.paste(magnified, (1, CAPTION_PX + 1))
    ImageDraw.Draw(cell).text((3, 1), caption, fill="black")
    return np.asarray(cell)
