"""Source images of training scenes, kept on the device as one tensor per kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor


#: Sides at which photos, shapes and cutouts are stored, px (convention).
PHOTO_PX, SHAPE_PX, CUTOUT_PX = 348, 224, 320
#: Largest number of squares along each side that a large picture is cut into (convention).
MAX_SQUARES_PER_SIDE = 5
#: One picture in so many is held back from training, for validation (convention).
HELD_BACK_EVERY = 10


@dataclass(frozen=True)
class SourceImages:
    """Photos, alpha shapes and cutouts with their own alpha.

    Parameters
    ----------
    photos : Tensor
        Shape (n, 3, 348, 348), uint8, sRGB.
    shapes : Tensor
        Shape (n, 1, 224, 224), uint8 alpha; may be empty (procedural shapes are always there).
    cutouts : Tensor
        Shape (n, 4, 320, 320), uint8, sRGB and alpha; may be empty.
    origins : Tensor, optional
        Shape (n,), integers: photos of one number show the same, as those of two planes of a stack
        do; each shows something else if not given.
    """

    photos: Tensor
    shapes: Tensor
    cutouts: Tensor
    origins: Tensor | None = None

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> SourceImages:
        """Read ``photos/``, ``shapes/`` and ``cutouts/`` of a data folder.

        Parameters
        ----------
        folder : Path
            Has a sub-folder ``photos`` (JPEG, PNG, ...), and optionally ``shapes`` (grey alpha)
            and ``cutouts`` (RGBA). A folder without ``photos`` holds pictures itself, which are
            used as :meth:`from_files` does.
        device : torch.device or str
            Device of the tensors.

        Returns
        -------
        SourceImages

        Raises
        ------
        InputError
            If the folder holds no photos, or a file cannot be read as a picture.
        """
        pictures = _pictures_in(folder)
        if pictures and not (folder / "photos").is_dir():
            return cls.from_files(pictures, device)
        photos = _read_folder(folder / "photos", PHOTO_PX, 3)
        if not len(photos):
            raise InputError(
                f"{folder} has no pictures, nor has a sub-folder photos; put at least one image "
                "there."
            )
        shapes = _read_folder(folder / "shapes", SHAPE_PX, 1)
        cutouts = _read_folder(folder / "cutouts", CUTOUT_PX, 4)
        return cls(photos.to(device), shapes.to(device), cutouts.to(device))

    @classmethod
    def from_files(cls, paths: Sequence[Path], device: torch.device | str = "cpu") -> SourceImages:
        """Use files as photos, see :meth:`from_pictures`; InputError if one cannot be read."""
        return cls.from_pictures((_read_picture(path, 3) for path in paths), device)

    @classmethod
    def from_pictures(
        cls, pictures: Iterable[np.ndarray], device: torch.device | str = "cpu"
    ) -> SourceImages:
        """Use arrays as photos; all shapes are procedural then.

        Parameters
        ----------
        pictures : iterable of ndarray, (Y, X) or (Y, X, 3)
            Of any numeric dtype. All but uint8 are scaled by their range to 8 bits. A large picture
            is cut into several squares.
        device : torch.device or str
            Device of the tensors.

        Returns
        -------
        SourceImages

        Raises
        ------
        InputError
            If there is no picture, or the shape of one is another.
        """
        return cls.from_stacks(([picture] for picture in pictures), device)

    @classmethod
    def from_stacks(
        cls, stacks: Iterable[Iterable[np.ndarray]], device: torch.device | str = "cpu"
    ) -> SourceImages:
        """Use the planes of stacks as photos, as :meth:`from_pictures` does.

        Planes of one stack show the same. So either all or none are held back for validation; of
        fewer than ten stacks all planes of some squares.
        """
        photos, origins = [], []
        for stack_number, stack in enumerate(stacks):
            for plane in stack:
                for number, square in enumerate(_squares(_to_rgb(plane), PHOTO_PX)):
                    photos.append(fit_square(square, PHOTO_PX))
                    origins.append((stack_number, number))
        if not photos:
            raise InputError("there are no pictures to train with; give at least one.")
        stack_count = origins[-1][0] + 1
        shown = [each[0] if stack_count >= HELD_BACK_EVERY else each for each in origins]
        known = {each: number for number, each in enumerate(dict.fromkeys(shown))}
        return cls(
            torch.cat(photos).to(device),
            torch.empty(0, 1, SHAPE_PX, SHAPE_PX, dtype=torch.uint8, device=device),
            torch.empty(0, 4, CUTOUT_PX, CUTOUT_PX, dtype=torch.uint8, device=device),
            torch.tensor([known[each] for each in shown], device=device),
        )

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self.photos.device

    def split(self, every: int = HELD_BACK_EVERY) -> tuple[SourceImages, SourceImages]:
        """Return the images for training and those for validation, which share no picture.

        Parameters
        ----------
        every : int
            One picture in so many of each kind goes to validation. A kind with fewer pictures
            serves both.

        Returns
        -------
        training, validation : SourceImages
        """

        def part(pictures: Tensor, origins: Tensor | None, validation: bool) -> Tensor:
            count = len(pictures) if origins is None else int(origins.max()) + 1
            if count < every:
                return pictures
            numbers = torch.arange(count, device=pictures.device) if origins is None else origins
            held_back = numbers % every == 0
            return pictures[held_back if validation else ~held_back]

        def half(validation: bool) -> SourceImages:
            origins = self.origins
            return SourceImages(
                part(self.photos, origins, validation),
                part(self.shapes, None, validation),
                part(self.cutouts, None, validation),
                None if origins is None else part(origins, origins, validation),
            )

        return half(False), half(True)

    @property
    def held_back(self) -> int:
        """Number of pictures that :meth:`split` holds back; 0 where there are too few."""
        count = len(self.photos) if self.origins is None else int(self.origins.max()) + 1
        return 0 if count < HELD_BACK_EVERY else -(-count // HELD_BACK_EVERY)


def _pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder in the order of their names; none if it is missing."""
    from napari_focusstack.io.reading.image import IMAGE_SUFFIXES

    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES]


def _read_folder(folder: Path, side: int, channels: int) -> Tensor:
    """Return the pictures of a folder, (n, channels, side, side) uint8; none if it is missing."""
    pictures = [fit_square(_read_picture(path, channels), side) for path in _pictures_in(folder)]
    return torch.cat(pictures) if pictures else torch.empty(0, channels, side, side).byte()


def _read_picture(path: Path, channels: int) -> np.ndarray:
    """Return (Y, X, channels) uint8: grey (or the alpha channel if there is one), RGB or RGBA."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            picture: Image.Image = file
            if picture.mode.startswith("I"):
                picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
            if channels == 1 and "A" in picture.getbands():
                picture = picture.getchannel("A")
            pixels = np.array(picture.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(
            f"{path} cannot be read as a picture ({error}); remove or mend it."
        ) from error
    return pixels[..., None] if channels == 1 else pixels


def _to_rgb(picture: np.ndarray) -> np.ndarray:
    """Return a picture as (Y, X, 3) uint8."""
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, -1)
    if picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
        raise InputError(f"a picture has the shape {picture.shape}; give (Y, X) or (Y, X, 3).")
    if picture.dtype == np.uint8:
        return picture
    light = picture.astype(np.float32)
    finite = light[np.isfinite(light)]
    low, high = (finite.min(), finite.max()) if finite.size else (0, 0)
    scaled = np.nan_to_num((light - low) / (high - low or 1), nan=0, posinf=1, neginf=0)
    return (scaled * 255).round().astype(np.uint8)


def _squares(picture: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Yield squares of a picture (Y, X, C), one in the middle of each of its equal parts."""
    starts = []
    for length in picture.shape[:2]:
        parts = min(MAX_SQUARES_PER_SIDE, max(1, length // side))
        middles = (np.arange(parts) + 0.5) * length / parts
        starts.append((middles - side / 2).clip(min=0).astype(int))
    for top in starts[0]:
        for left in starts[1]:
            yield picture[top : top + side, left : left + side]


def fit_square(picture: np.ndarray, side: int) -> Tensor:
    """Return a picture (Y, X, C) uint8 as a square (1, C, side, side).

    Photos are cropped, because scaling would blur them. Alphas and cutouts are scaled, so that they
    fit in whole.
    """
    tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
    height, width = tensor.shape[-2:]
    if picture.shape[-1] != 3:
        extra_x, extra_y = max(height, width) - width, max(height, width) - height
        tensor = functional.pad(
            tensor, (extra_x // 2, extra_x - extra_x // 2, extra_y // 2, extra_y - extra_y // 2)
        )
        fitted = functional.interpolate(tensor, (side, side), mode="bilinear", antialias=True)
        return fitted.round().clamp(0, 255).byte()
    missing_x, missing_y = max(0, side - width), max(0, side - height)
    mode = "reflect" if missing_x < width and missing_y < height else "replicate"
    tensor = functional.pad(tensor, (0, missing_x, 0, missing_y), mode=mode)
    top, left = (tensor.shape[-2] - side) // 2, (tensor.shape[-1] - side) // 2
    return tensor[..., top : top + side, left : left + side].byte()
