"""A small U-Net over cells of several pixels that mixes the planes of a stack, for any number."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as functional
from torch import nn

from napari_focusstack.networks.blocks import conv
from napari_focusstack.runtime.memory import trim_heap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

#: Side of the cells that features are reduced to, px.
CELL_PX = 4
#: Cells of all planes that a block works on at a time, in strips of so many rows at least: it takes
#: several times the memory of its features.
STRIP_CELLS, LEAST_STRIP_CELLS = 2**16, 16
#: Rows beside a strip that its cells depend on.
WITHIN_REACH_CELLS = 2
#: Cells of its answer around, within which a stage depends on what it reads: two for the block, and
#: one for what it reads before it, or two where it doubles cells of half the size. Even.
STAGE_REACH_CELLS = 4


class CrossPlaneBlock(nn.Module):
    """A residual block that mixes each plane with its two neighbours and with all planes.

    All planes enter as their maximum and their mean, so the block takes any number of planes.

    Parameters
    ----------
    channels : int
        Feature channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.within = nn.Sequential(
            conv(channels, channels),
            nn.ReLU(inplace=True),
            conv(channels, channels),
            nn.ReLU(inplace=True),
        )
        self.across = nn.Conv2d(5 * channels, channels, 1)
        nn.init.normal_(self.across.weight, std=0.3 / (5 * channels) ** 0.5)
        nn.init.zeros_(self.across.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, planes: int) -> Tensor:
        """Map (B P, C, Y, X) to the same shape, strip by strip."""

        def mix(maps: list[Tensor]) -> Tensor:
            return self.mixed(maps.pop(), planes)

        size = (features.shape[-2], features.shape[-1])
        return in_strips(mix, [features], size, WITHIN_REACH_CELLS)

    def mixed(self, features: Tensor, planes: int) -> Tensor:
        """Map features as :meth:`forward` does, all rows at once."""
        # Channels last in memory: convolutions on a CPU take two thirds of the time.
        features = features.contiguous(memory_format=torch.channels_last)
        stack = self.within(features).unflatten(0, (-1, planes))
        by_plane = stack.unbind(1)
        of_three, of_all = self.across.weight.split([3 * self.channels, 2 * self.channels], 1)
        this, previous, following = of_three.split(self.channels, 1)
        common = torch.cat([max_over_planes(by_plane), sum(by_plane[1:], by_plane[0]) / planes], 1)
        common = functional.conv2d(common, of_all, self.across.bias)
        # Planes as rows, pixels as columns: in bfloat16 the gradients of conv3d are not finite.
        kernel = torch.cat([previous, this, following], 2)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        rows = functional.conv2d(stack.transpose(1, 2).flatten(3), kernel, padding=(1, 0))
        # In place from here on: memory bounds the size of tiles.
        mixed = rows.unflatten(3, stack.shape[-2:]).transpose(1, 2)
        mixed += common[:, None]
        # The first and the last plane are their own neighbours.
        mixed[:, 0] += functional.conv2d(by_plane[0], previous)
        mixed[:, -1] += functional.conv2d(by_plane[-1], following)
        mixed += features.unflatten(0, (-1, planes))
        return mixed.flatten(0, 1)


def max_over_planes(planes: Sequence[Tensor]) -> Tensor:
    """Return the maximum of each pixel over the planes, many times faster than ``amax``."""
    return reduce(torch.maximum, planes)


def in_strips(
    work: Callable[[list[Tensor]], Tensor], maps: list[Tensor], size: tuple[int, int], reach: int
) -> Tensor:
    """Apply work to one strip of rows after another, to bound memory.

    Where gradients are recorded, all rows are worked on at once.

    Parameters
    ----------
    work : callable
        Takes maps (B P, C, rows, X) from the list. Returns a map of as many rows for each of the
        strip.
    maps : list of Tensor
        Maps of the whole, of any size.
    size : tuple of int
        Rows and columns of the answer.
    reach : int
        Rows of the answer beside a strip within which it depends on the maps; even.
    """
    if torch.is_grad_enabled():
        return work(maps)
    height, width = size
    rows = max(LEAST_STRIP_CELLS, STRIP_CELLS // (len(maps[0]) * width) // 2 * 2)
    answer: Tensor | None = None
    for top in range(0, height, rows):
        first, last = max(0, top - reach), min(height, top + rows + reach)
        strips = [
            one[..., first * one.shape[-2] // height : last * one.shape[-2] // height, :]
            for one in maps
        ]
        inner = work(strips)[..., top - first : top - first + rows, :]
        if answer is None:
            answer = torch.empty(
                (*inner.shape[:2], height, width),
                dtype=inner.dtype,
                device=inner.device,
                memory_format=torch.channels_last,
            )
        answer[..., top : top + rows, :] = inner
    assert answer is not None  # no map is empty
    return answer


class CellUNet(nn.Module):
    """The part of DEB and SEB that sees the wide surroundings, cell by cell.

    Parameters
    ----------
    inputs, width, outputs : int
        Channels of the inputs, of the features, and of what :meth:`surroundings` returns.
    levels : int
        How often the cells are halved. The receptive radius doubles with each level.

    Examples
    --------
    >>> network = CellUNet(inputs=5, width=8, levels=2, outputs=3)
    >>> network.surroundings(torch.rand(4, 5, 16, 16), planes=4).shape
    torch.Size([4, 3, 16, 16])
    """

    def __init__(self, inputs: int, width: int, levels: int, outputs: int) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width, "levels": levels}
        self.stem = conv(inputs, width)
        self.down = nn.ModuleList(CrossPlaneBlock(width) for _ in range(levels))
        self.deepest = CrossPlaneBlock(width)
        self.up = nn.ModuleList(CrossPlaneBlock(width) for _ in range(levels))
        self.bottleneck = nn.Conv2d(width, outputs, 1)

    @property
    def stride(self) -> int:
        """Image sides and tile origins are multiples of this, px."""
        return int(CELL_PX * 2 ** self.config["levels"])

    def read(self, cells: Tensor, planes: int) -> Tensor:
        """Return the features, (B P, width, Y, X), that the U-Net begins with."""
        features: Tensor = self.stem(cells)
        return features

    def surroundings(self, cells: Tensor, planes: int) -> Tensor:
        """Map what is known of cells (B P, C, Y, X) to (B P, outputs, Y, X)."""
        answers = {-1: cells}
        del cells
        for number, stage in enumerate(self.stages(planes)):
            take = answers.pop if stage.uses_up else answers.__getitem__
            answers[number] = stage.work([take(place) for place in stage.sources])
            if not torch.is_grad_enabled():
                trim_heap()
        return answers[number]

    def stages(self, planes: int) -> list[Stage]:
        """Return the steps from cells to the answer, for a number of planes."""
        levels = self.config["levels"]

        def work(maps: list[Tensor], number: int) -> Tensor:  # they are used up, to bound memory
            if number > levels:
                skip, features = maps.pop(), maps.pop()
                features = functional.interpolate(features, scale_factor=2, mode="bilinear") + skip
                del skip
            elif number:
                features = functional.avg_pool2d(maps.pop(), 2)
            else:
                features = self.read(maps.pop(), planes)
            features = blocks[number].mixed(features, planes)
            return self.bottleneck(features) if number == 2 * levels else features

        def work_in_strips(maps: list[Tensor], number: int) -> Tensor:
            rows, columns = maps[-1].shape[-2:]
            size = (rows // 2, columns // 2) if 0 < number <= levels else (rows, columns)
            reach = WITHIN_REACH_CELLS if 0 < number <= levels else STAGE_REACH_CELLS
            return in_strips(partial(work, number=number), maps, size, reach)

        blocks = [*self.down, self.deepest, *self.up]
        return [
            Stage(
                partial(work_in_strips, number=number),
                (number - 1,) if number <= levels else (number - 1, 2 * levels - number),
                number == 0 or number > levels,  # what is halved is read once more on the way back
                min(number, 2 * levels - number),
            )
            for number in range(2 * levels + 1)
        ]


class Stage(NamedTuple):
    """A step of the U-Net: a block, and the change of the size of cells before it.

    Parameters
    ----------
    work : callable
        Takes maps (B P, C, Y, X) of each source, which it takes from the list. Returns the answer.
    sources : tuple of int
        The stages whose answers it reads, from 0; -1 stands for the cells.
    uses_up : bool
        Whether no later stage reads them.
    level : int
        How often the cells of the answer are halved.
    """

    work: Callable[[list[Tensor]], Tensor]
    sources: tuple[int, ...]
    uses_up: bool
    level: int
