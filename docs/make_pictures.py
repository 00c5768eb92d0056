"""Make the images of the documentation: ``python docs/make_pictures.py``."""

from pathlib import Path

import numpy as np
import torch

import napari_focusstack as nfs
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.simulation.cases import bundled_material
from napari_focusstack.simulation.pairs import SceneParameters, synthesise

IMAGES = Path(__file__).parent / "images"
#: Rows and columns of the magnified detail, and its magnification.
DETAIL = np.s_[222:318, 150:278]
ENLARGED = 3
GAP_PX = 6


def enlarge(image: np.ndarray) -> np.ndarray:
    """Return the detail, magnified without interpolation."""
    return image[DETAIL].repeat(ENLARGED, 0).repeat(ENLARGED, 1)


def beside(*images: np.ndarray) -> np.ndarray:
    """Join images side by side with a white gap."""
    gap = np.full((images[0].shape[0], GAP_PX, 3), 255, np.uint8)
    parts = [part for image in images for part in (image, gap)][:-1]
    return np.concatenate(parts, 1)


def contact_sheet(scenes: int = 10, rows: int = 2, side: int = 104) -> np.ndarray:
    """Return training scenes of bundled pictures; near, far, alpha and truth below each other.

    There are no stored shapes and cutouts, only blobs, holes, meshes, strands and hair.
    """
    material, generator = bundled_material(), torch.Generator().manual_seed(20)
    strips = []
    for _ in range(rows):
        drawn = [synthesise(material, 1, side, generator, SceneParameters()) for _ in range(scenes)]
        columns = [
            torch.cat(
                [
                    pair.near[0],
                    pair.far[0],
                    pair.alpha[0].expand(3, -1, -1),
                    linear_to_srgb(pair.all_in_focus[0].clamp(0, 1)).expand(3, -1, -1),
                ],
                1,
            )
            for pair in drawn
        ]
        strips.append(torch.cat(columns, 2))
    sheet = (torch.cat(strips, 1).permute(1, 2, 0) * 255).round().byte().numpy()
    return np.ascontiguousarray(sheet)


def main() -> None:
    """Write training scenes, the bundled pair, and a detail before and after elimination."""
    write_image(IMAGES / "training_scenes.png", contact_sheet())
    near, far, _ = nfs.sample_pair(sigma_px=6.0)
    result = nfs.fuse([near, far], device="cpu")
    write_image(IMAGES / "planes.png", beside(near, far))
    write_image(IMAGES / "before_after.png", beside(enlarge(result.initial), enlarge(result.image)))


if __name__ == "__main__":
    main()
