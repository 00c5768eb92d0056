"""Trust estimation branch: how far an unmixed background is to be trusted, pixel by pixel.

Elimination pays where mask and blur are right, and harms where they are not. TEB compares the
picture of source pixels with the unmixed one and gives the weight of the latter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from torch import nn

from napari_focusstack.filters.channels import interleave
from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.logarithm import asinh
from napari_focusstack.networks.blocks import conv
from napari_focusstack.runtime.tiles import pad_to_multiple

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

#: Channels of :func:`trust_cues`.
CUES = 21
#: Residuals that stand for unknown ones (those of a typical photograph), linear light.
UNKNOWN_RESIDUALS = (0.02, 0.03)
#: Log of the expected squared error of source pixels where nothing estimates it. Typical.
UNKNOWN_ERROR = -8.0
#: Log of an error that is as good as none: a quarter of a grey level of 8 bits.
LEAST_LOG_ERROR = -14.0
#: Evidence where nothing occludes: all light passes, and nothing is left unexplained.
NO_EVIDENCE = (1.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Rivals:
    """The two pictures that TEB compares, and what is known of them.

    Parameters
    ----------
    selected, unmixed : Tensor
        Shape (B, C, Y, X), coded for display, 0..1; equal outside the transition region.
    far : Tensor
        Shape (B, 1, Y, X): the plane of the surface behind, grey, coded for display; the selected
        picture outside the transition region.
    evidence : Tensor
        Shape (B, 5, Y, X): the first five of those of
        :class:`~napari_focusstack.elimination.diffusion.Unmixed`;
        :data:`NO_EVIDENCE` outside the transition region.
    confidence : Tensor
        Shape (B, 1, Y, X), 0..1: confidence of depth.
    log_error : Tensor
        Shape (B, 1, Y, X): natural log of the expected squared error of the selected picture.
    region : Tensor
        Shape (B, 1, Y, X): 1 in the transition region, 0 elsewhere.
    noise : Tensor
        Shape (B,), see :func:`~napari_focusstack.imaging.noise.noise_level`.
    residuals : Tensor
        Shape (B, 2): reblur residual of the PSF, and that without occlusion.
    """

    selected: Tensor
    unmixed: Tensor
    far: Tensor
    evidence: Tensor
    confidence: Tensor
    log_error: Tensor
    region: Tensor
    noise: Tensor
    residuals: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> Rivals:
        """Return the rivals with a function applied to all that has rows and columns."""
        return replace(
            self,
            selected=function(self.selected),
            unmixed=function(self.unmixed),
            far=function(self.far),
            evidence=function(self.evidence),
            confidence=function(self.confidence),
            log_error=function(self.log_error),
            region=function(self.region),
        )


class TEB(nn.Module):
    """From the cues of both pictures to the weight of the unmixed one: a U-Net of two levels.

    Parameters
    ----------
    width : int
        Feature channels.

    Examples
    --------
    >>> import torch
    >>> picture, grey = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    >>> maps = picture, picture, grey, torch.rand(1, 5, 32, 32), grey, -8 * grey, grey
    >>> rivals = Rivals(*maps, torch.tensor([0.01]), torch.tensor([[0.01, 0.02]]))
    >>> TEB(width=8)(rivals).shape
    torch.Size([1, 1, 32, 32])
    """

    #: Tile origins are multiples of this, px.
    stride = 4
    #: How far, px, an input pixel can change the answer.
    reach = 40

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width}
        self.stem = conv(CUES, width)
        self.down = conv(width, width)
        self.deepest = nn.Sequential(
            conv(width, width), nn.ReLU(inplace=True), conv(width, width), nn.ReLU(inplace=True)
        )
        self.up = nn.ModuleList([conv(width, width), conv(width, width)])
        self.head = conv(width, 1, gain=0.3)

    def forward(self, rivals: Rivals) -> Tensor:
        """Return the weight of the unmixed picture, (B, 1, Y, X), 0..1; 0 outside the region."""
        height, width = rivals.region.shape[-2:]
        padded = rivals.map(lambda image: pad_to_multiple(image, self.stride))
        fine = functional.relu(self.stem(trust_cues(padded)))
        half = functional.relu(self.down(functional.avg_pool2d(fine, 2)))
        deep = self.deepest(functional.avg_pool2d(half, 2))
        half = functional.relu(self.up[0](half + _doubled(deep)))
        fine = functional.relu(self.up[1](fine + _doubled(half)))
        weight: Tensor = torch.sigmoid(self.head(fine))[..., :height, :width] * rivals.region
        return weight


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2, mode="bilinear")


def trust_cues(rivals: Rivals) -> Tensor:
    """Return what tells which picture is nearer to the truth, (B, 21, Y, X).

    Their difference, of a pixel and around it, signed and squared; their sharpness; the evidence;
    their brightness; the region; confidence of depth; the expected error of the selected picture,
    and how the difference compares with it; the distance of the plane behind from the selected
    picture; noise and residuals of the whole stack.
    """
    selected, unmixed = rivals.selected, rivals.unmixed
    grey, grey_unmixed = selected.mean(1), unmixed.mean(1)
    noise = rivals.noise[:, None, None]
    residual, without = (part[..., None] for part in rivals.residuals.split(1, 1))
    signed = _signed(grey_unmixed - grey)
    squared = smooth((unmixed - selected).square().mean(1), 1.0)
    sharp, sharp_unmixed = _sharpness(grey), _sharpness(grey_unmixed)
    transmittance, alpha, blur_px, left, left_far = rivals.evidence.unbind(1)
    log_error = rivals.log_error[:, 0].clamp(min=LEAST_LOG_ERROR)
    whole = torch.ones_like(alpha)
    return interleave(
        [
            signed,
            smooth(signed, 3.0),
            torch.log(squared + 1e-6) / 5 + 1.5,
            torch.log((sharp_unmixed + noise) / (sharp + noise)) / 2,
            _small(sharp),
            transmittance,
            alpha,
            torch.log1p(blur_px) / 2,
            _small(left),
            _small(left_far),
            torch.log((left + 1e-3) / (left_far + 1e-3)) / 2,
            grey,
            grey_unmixed,
            rivals.region[:, 0],
            rivals.confidence[:, 0],
            log_error / 4 + 2,
            (torch.log(squared + 1e-6) - log_error) / 4,
            _signed(rivals.far[:, 0] - grey),
            whole * (torch.log(noise) / 2 + 2),
            whole * _small(residual),
            whole * torch.log((residual + 1e-4) / (without + 1e-4)),
        ]
    )


def _sharpness(grey: Tensor) -> Tensor:
    return smooth(laplacian(grey[:, None])[:, 0].abs(), 1.5)


def _signed(differences: Tensor) -> Tensor:
    """Return differences of display values, those above 0.02 on a log scale."""
    return asinh(differences / 0.02) / 3


def _small(values: Tensor) -> Tensor:
    """Return log of small positive values, centred and scaled."""
    return torch.log(values + 1e-3) / 3 + 1
