"""What TEB is trained for: a picture nearer to the truth than either of its two rivals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.files import replacing
from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.networks.teb import NO_EVIDENCE, UNKNOWN_ERROR, UNKNOWN_RESIDUALS, Rivals

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

#: Squared error that does not count: a step of 8 bits.
LEAST_ERROR = (1 / 255) ** 2
#: Weights of the log error of single pixels, of a crop that is worse than its source pixels, and of
#: single pixels that are, beside the log error of a crop.
EACH, WORSE, EACH_WORSE = 0.5, 6.0, 1.0
#: Share of examples in which the residuals, and in which the expected errors of the source pixels,
#: are taken for unknown.
UNKNOWN_SHARE = 0.1
#: Least share of the transition region in a crop, if four draws find one.
LEAST_REGION = 0.02


@dataclass(frozen=True)
class TrustExample:
    """Two rivals and the truth.

    Parameters
    ----------
    rivals : Rivals
        Of one scene, or a batch.
    truth : Tensor
        Shape (B, C, Y, X), coded for display, 0..1.
    """

    rivals: Rivals
    truth: Tensor

    def crop(
        self, top: int, left: int, side_px: int, turns: int, *, mirrored: bool
    ) -> TrustExample:
        """Return a square part, turned by quarters and mirrored."""

        def part(image: Tensor) -> Tensor:
            square = image[..., top : top + side_px, left : left + side_px]
            turned = torch.rot90(square, turns, (-2, -1))
            return turned.flip(-1) if mirrored else turned

        return TrustExample(self.rivals.map(part), part(self.truth))


def save_example(example: TrustExample, path: Path) -> None:
    """Write an example of one scene, in half precision, whole or not at all."""
    stored = {name: value[0].half().numpy() for name, value in vars(example.rivals).items()}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **stored, truth=example.truth[0].half().numpy())


def load_example(path: Path) -> TrustExample:
    """Read an example; grey ones are repeated to three channels."""
    with np.load(path) as stored:
        values = {
            name: torch.from_numpy(np.atleast_1d(stored[name]).astype(np.float32))
            for name in stored.files
        }
    for name in ("selected", "unmixed", "truth"):
        values[name] = values[name].expand(3, -1, -1)
    inside = values["region"] > 0
    none = torch.tensor(NO_EVIDENCE)[:, None, None]
    values["unmixed"] = torch.where(inside, values["unmixed"], values["selected"])
    values["evidence"] = torch.where(inside, values["evidence"], none)
    truth = values.pop("truth")[None]
    values["noise"] = values["noise"].reshape(())
    return TrustExample(Rivals(**{name: value[None] for name, value in values.items()}), truth)


def draw_crop(example: TrustExample, side_px: int, chance: np.random.Generator) -> TrustExample:
    """Draw a part of an example that shows some of the transition region."""
    height, width = example.truth.shape[-2:]
    turns, mirrored = int(chance.integers(4)), bool(chance.random() < 0.5)
    top = left = 0
    for _ in range(4):
        top, left = (int(chance.integers(length - side_px + 1)) for length in (height, width))
        part = example.rivals.region[..., top : top + side_px, left : left + side_px]
        if part.mean() > LEAST_REGION:
            break
    crop = example.crop(top, left, side_px, turns, mirrored=mirrored)
    rivals = crop.rivals
    if chance.random() < UNKNOWN_SHARE:
        rivals = replace(rivals, residuals=crop.truth.new_tensor([UNKNOWN_RESIDUALS]))
    if chance.random() < UNKNOWN_SHARE:
        unknown = torch.full_like(rivals.log_error, UNKNOWN_ERROR)
        rivals = replace(rivals, log_error=unknown)
    return replace(crop, rivals=rivals)


def batch_of(examples: list[TrustExample]) -> TrustExample:
    """Return examples of one size as a batch."""
    parts = zip(*(vars(each.rivals).values() for each in examples), strict=True)
    rivals = Rivals(*(torch.cat(part) for part in parts))
    return TrustExample(rivals, torch.cat([each.truth for each in examples]))


def mixed(rivals: Rivals, weight: Tensor) -> Tensor:
    """Return the selected picture with the unmixed one mixed in by a weight (B, 1, Y, X)."""
    return torch.lerp(rivals.selected, rivals.unmixed, weight)


def trust_loss(weight: Tensor, example: TrustExample) -> Tensor:
    """Return how far a mixed picture falls behind the better of both rivals.

    Parameters
    ----------
    weight : Tensor
        Shape (B, 1, Y, X), 0..1: weight of the unmixed picture.
    example : TrustExample
        A batch.

    Returns
    -------
    Tensor
        Scalar: log of the mean squared error in the transition region relative to that of the
        better rival of each pixel; the same pixel by pixel; and, of more weight, whatever is worse
        than the source pixels.
    """
    rivals = example.rivals
    region = rivals.region[:, 0]
    area = region.sum((1, 2)) + 1

    def mean(values: Tensor) -> Tensor:
        return (values * region).sum((1, 2)) / area

    def error(picture: Tensor) -> Tensor:
        return smooth((picture - example.truth).square().mean(1), 1.0)

    found, selected = error(mixed(rivals, weight)), error(rivals.selected)
    best = torch.minimum(selected, error(rivals.unmixed))
    logs = [torch.log(each + LEAST_ERROR) for each in (found, selected, best)]
    whole = [torch.log(mean(each) + LEAST_ERROR) for each in (found, selected, best)]
    behind = whole[0] - whole[2] + EACH * mean(logs[0] - logs[2])
    worse = WORSE * functional.relu(whole[0] - whole[1])
    return (behind + worse + EACH_WORSE * mean(functional.relu(logs[0] - logs[1]))).mean()
