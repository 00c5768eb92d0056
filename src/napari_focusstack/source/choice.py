"""The choice of a source for each pixel by the expected errors of all planes."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.filters.pooling import doubled, mean2, pooled
from napari_focusstack.imaging.noise import NOISE_GAIN
from napari_focusstack.runtime.threads import map_planes
from napari_focusstack.runtime.tiles import pad_to_multiple
from napari_focusstack.source.seams import multiband, seam_share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

    from napari_focusstack.networks.coarse_cues import Planes

Blend = Literal["seams", "none", "noise"]
#: Power of the expected error by which planes are weighted where a seam is hidden.
SEAM_POWER = 3.0
#: The same where noise is averaged: without noise, with much, and the noise (standard deviation of
#: display values) by which it falls from one to the other. Measured: from 1% of noise on,
#: weights by the reciprocal error are best on a light field and on thin-lens scenes.
CLEAN_POWER, NOISY_POWER, POWER_NOISE = 2.5, 1.0, 0.0015
#: Expected errors are averaged over a Gaussian of this before the choice, px. Measured.
STEADY_PX = 0.6
#: A step of display values that no plane has is a seam from here on.
VISIBLE_STEP = 0.012
#: The same in standard deviations of the noise, which makes steps by chance, and its greatest
#: value.
VISIBLE_NOISES, MOST_VISIBLE_STEP = 2.0, 0.018
#: Weight of the squared difference of a plane from the mean picture, both smoothed by a Gaussian of
#: so many px. Where nothing speaks for any plane, those that agree are chosen, and few seams arise.
AGREEMENT, AGREEMENT_PX = 1.0, 2.0


class SourceChoice(NamedTuple):
    """What was chosen for the pixels of a tile.

    Parameters
    ----------
    source : Tensor
        Shape (Y, X), int64: the plane of each pixel, counted from 0.
    log_error : Tensor
        Shape (Y, X): natural log of its expected squared error.
    weights : Tensor or None
        Shape (P, Y, X): weight of each plane where planes are blended; None if none are.
    share : Tensor
        Shape (Y, X), 0..1: weight of the blended planes at seams; 0 leaves what else is there.
    averaged : bool
        Whether planes are averaged in all pixels, and seams of the mean are hidden.
    """

    source: Tensor
    log_error: Tensor
    weights: Tensor | None
    share: Tensor
    averaged: bool

    @property
    def is_blended(self) -> Tensor:
        """Where pixels are not those of the source, bool (Y, X)."""
        return torch.ones_like(self.share, dtype=torch.bool) if self.averaged else self.share > 0

    def blended(self, planes: Planes) -> Tensor:
        """Return the picture (C, Y, X) of planes (P, C, Y, X)."""
        if self.weights is None:
            return self._picked(planes)
        first = weighted_mean(planes, self.weights) if self.averaged else self._picked(planes)
        if not self.share.any():
            return first
        return torch.lerp(first, multiband(planes, self.weights), self.share)

    def _picked(self, planes: Planes) -> Tensor:
        """Return each pixel of its source."""
        each = enumerate(map_planes(planes.__getitem__, range(len(planes)), self.source.device))
        picture = next(each)[1].clone()
        for number, plane in each:
            torch.lerp(picture, plane, (self.source == number).to(picture), out=picture)
        return picture


def choose(
    planes: Planes,
    coded: Planes,
    logs: Tensor,
    noise: float,
    blend: Blend,
    shown: Tensor | None = None,
) -> SourceChoice:
    """Choose sources, and find where they must be blended.

    Parameters
    ----------
    planes : Planes
        Shape (C, Y, X) each, coded for display, 0..1. They are read several times.
    coded : Planes
        The same as they are stored, scaled to 0..1. A seam may show in either.
    logs : Tensor
        Shape (P, Y, X): natural log of the expected squared error, see
        :class:`~napari_focusstack.networks.seb.SEB`. It is overwritten, to bound memory.
    noise : float
        See :func:`~napari_focusstack.imaging.noise.noise_level`.
    blend : {"seams", "none", "noise"}
        What is blended: what lies about seams; nothing; everything, by expected errors, so that
        planes that agree average their noise.
    shown : Tensor, optional
        Shape (P, Y, X), bool: pixels that the planes show; all, if not given. Others are neither
        chosen nor blended.
    """
    mean_power = noise_power(noise)
    logs = agreeing(planes, logs, mean_power, shown)

    def steady(number: int) -> Tensor:
        log = smooth(logs[number], STEADY_PX)
        return log if shown is None else log.masked_fill_(~shown[number], math.inf)

    source, log_error = least(map_planes(steady, range(len(logs)), logs.device))
    averaged = blend == "noise"
    weights = _shares(logs, mean_power, shown) if averaged else None
    choice = SourceChoice(source, log_error, weights, torch.zeros_like(log_error), averaged)
    if blend == "none":
        return choice
    visible = min(max(VISIBLE_STEP, VISIBLE_NOISES * noise / NOISE_GAIN), MOST_VISIBLE_STEP)
    share = seam_share(choice.blended(planes), planes, visible)
    if coded is not planes:
        share = torch.maximum(share, seam_share(choice.blended(coded), coded, visible))
    if weights is None and share.any():
        weights = _shares(logs, SEAM_POWER, shown)
    return choice._replace(weights=weights, share=share)


def noise_power(noise: float) -> float:
    """Return the power of the expected error by which planes of a noise are best weighted.

    Errors of noise differ from plane to plane, and a mean weighted by their reciprocals is best;
    errors of blur are alike, and the plane of the least is.

    Examples
    --------
    >>> noise_power(0.0), round(noise_power(0.1), 1)
    (2.5, 1.0)
    """
    fall = math.exp(-noise / NOISE_GAIN / POWER_NOISE)
    return NOISY_POWER + (CLEAN_POWER - NOISY_POWER) * fall


def agreeing(planes: Planes, logs: Tensor, power: float, shown: Tensor | None = None) -> Tensor:
    """Return log of the expected errors (P, Y, X) and of how far planes lie from their mean.

    It takes the place of ``logs``. The distance is smooth, so it is that of planes at half their
    size, for a quarter of the time.
    """
    numbers = range(len(planes))

    def halve(number: int) -> tuple[Tensor, Tensor]:
        of_shown = logs[number]
        if shown is not None:
            of_shown = of_shown.masked_fill(~shown[number], math.inf)
        return _halved(planes[number]), _halved(of_shown[None], torch.minimum)[0]

    halves, weights = zip(*map_planes(halve, numbers, logs.device), strict=True)
    shares = _shares(torch.stack(weights), power).nan_to_num_(1 / len(planes))
    mean = weighted_mean(halves, shares)  # that of all planes where none shows anything

    def expect(number: int) -> None:
        apart = smooth(halves[number] - mean, AGREEMENT_PX / 2).square_().mean(0)
        rows, columns = logs.shape[-2:]
        added = doubled(apart[None])[0, :rows, :columns]
        logs[number].exp_().add_(added, alpha=AGREEMENT).log_()

    for _ in map_planes(expect, numbers, logs.device):
        pass
    return logs


def _shares(logs: Tensor, power: float, shown: Tensor | None = None) -> Tensor:
    """Return the weights of planes (P, Y, X) by a power of their errors, in place of their logs.

    A plane has none where it does not show the pixel.
    """
    if shown is not None:
        logs.masked_fill_(~shown, math.inf)
    least_of_all = reduce(torch.minimum, logs)
    logs.sub_(least_of_all).mul_(-power).exp_()
    return logs.div_(reduce(torch.add, logs))


def _halved(images: Tensor, reduce: Callable[[Tensor, Tensor], Tensor] = mean2) -> Tensor:
    """Return images (N, Y, X) at half the size; odd sides are replicated."""
    return pooled(pad_to_multiple(images[None], 2)[0], 2, reduce)


def weighted_mean(planes: Planes, weights: Tensor) -> Tensor:
    """Return the mean (C, Y, X) of planes (P, C, Y, X), by weights (P, Y, X) that sum to 1."""
    each = zip(
        map_planes(planes.__getitem__, range(len(planes)), weights.device), weights, strict=True
    )
    plane, weight = next(each)
    mean = plane * weight
    for plane, weight in each:
        mean.addcmul_(plane, weight)
    return mean


def least(values: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Return which image (Y, X) is least, int64 (Y, X), and its value, in a third of min's time."""
    images = iter(values)
    lowest = next(images).clone()
    place = torch.zeros_like(lowest, dtype=torch.int64)
    for number, image in enumerate(images, 1):
        place.masked_fill_(image < lowest, number)
        torch.minimum(lowest, image, out=lowest)
    return place, lowest
