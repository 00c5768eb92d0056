"""What tells how well each plane shows a pixel: focus measures and differences, in three sizes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from napari_focusstack.filters.channels import interleave
from napari_focusstack.filters.pooling import pooled
from napari_focusstack.networks.coarse_cues import COARSE_CUES, CoarseCues
from napari_focusstack.networks.finest_cues import FINEST_CUES, FinestCues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.networks.coarse_cues import Planes

#: Channels of the cues of a plane at half the size.
FINE_CUES = FINEST_CUES + COARSE_CUES


class SourceCues:
    """The cues of the planes of a stack, which are read one by one.

    Planes are read again for each cue, so memory hardly depends on their number.

    Parameters
    ----------
    planes : Planes
        Shape (B, C, Y, X) each, coded for display, 0..1; sides are multiples of 16.
    noise : Tensor
        Shape (B,), see :func:`~napari_focusstack.imaging.noise.noise_level`.

    Examples
    --------
    >>> import torch
    >>> cues = SourceCues(torch.rand(5, 1, 3, 32, 48), torch.tensor([0.005]))
    >>> cues.fine(2).shape, list(cues.wide())[2].shape
    (torch.Size([1, 20, 16, 24]), torch.Size([1, 18, 4, 6]))
    """

    def __init__(self, planes: Planes, noise: Tensor) -> None:
        self.planes, self.noise = planes, noise

    @cached_property
    def coarse(self) -> CoarseCues:
        """The cues of planes of half the size, in which noise is halved."""
        return CoarseCues(_HalfPlanes(self.planes), self.noise / 2)

    @cached_property
    def finest(self) -> FinestCues:
        """The cues that need the planes at full size."""
        return FinestCues(self.planes, self.noise)

    @property
    def numbers(self) -> range:
        """The numbers of the planes, from 0."""
        return range(len(self.planes))

    def fine(self, number: int) -> Tensor:
        """Return the cues of a plane at half the size, the finest first.

        Returns
        -------
        Tensor
            Shape (B, 20, Y / 2, X / 2), channels last in memory.
        """
        return interleave([*self.finest.of(number), *self.coarse.of(number)])

    def wide(self) -> Iterator[Tensor]:
        """Yield the cues of one plane after another in cells of 8 px, (B, 18, Y / 8, X / 8)."""
        return self.coarse.wide()


class _HalfPlanes:
    """Planes at half the size."""

    def __init__(self, planes: Planes) -> None:
        self.planes = planes

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.planes)

    def __getitem__(self, index: int, /) -> Tensor:
        """Read a plane."""
        return pooled(self.planes[index], 2)
