"""Make the pictures of the documentation: ``python docs/make_pictures.py``."""

from pathlib import Path

import numpy as np

import napari_focusstack as nfs
from napari_focusstack.io.writer import write_image

IMAGES = Path(__file__).parent / "images"
#: Rows and columns of the detail that is shown, and how many times it is enlarged.
DETAIL = np.s_[222:318, 150:278]
ENLARGED = 3
GAP_PX = 6


def enlarge(image: np.ndarray) -> np.ndarray:
    """Repeat each pixel, so that nothing is smoothed."""
    return image[DETAIL].repeat(ENLARGED, 0).repeat(ENLARGED, 1)


def beside(*images: np.ndarray) -> np.ndarray:
    """Lay images side by side with a white gap."""
    gap = np.full((images[0].shape[0], GAP_PX, 3), 255, np.uint8)
    parts = [part for image in images for part in (image, gap)][:-1]
    return np.concatenate(parts, 1)


def main() -> None:
    """Fuse the bundled sample and write its planes and a detail before and after."""
    near, far, _ = nfs.sample_pair(sigma_px=6.0)
    result = nfs.fuse([near, far], device="cpu")
    IMAGES.mkdir(exist_ok=True)
    write_image(IMAGES / "planes.png", beside(near, far))
    write_image(IMAGES / "before_after.png", beside(enlarge(result.initial), enlarge(result.image)))


if __name__ == "__main__":
    main()
