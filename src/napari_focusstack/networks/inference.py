"""Where and how networks run: device, precision, tiles."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.nn.functional as functional
from torch import nn

from napari_focusstack.errors import InputError
from napari_focusstack.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from torch import Tensor

    from napari_focusstack.networks.fsb import FSB
    from napari_focusstack.region import Region

Net = TypeVar("Net", bound=nn.Module)

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device's name into a device that is there.

    Parameters
    ----------
    name : str
        ``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        If the name is unknown or that device is absent.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, present in here.items() if present))
    kind, _, index = name.partition(":")
    if kind not in here or (index and not (kind == "cuda" and index.isdigit())):
        raise InputError(f"device is {name!r}; choose one of {', '.join(DEVICES)}.")
    absent = kind == "cuda" and int(index or 0) >= torch.cuda.device_count()
    if absent or not here[kind]:
        present = ", ".join(kind for kind, is_here in here.items() if is_here)
        raise InputError(f"device {name!r} is not on this machine; it has {present}.")
    return torch.device(name)


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """Return the context that runs convolutions in bfloat16 where the hardware is made for it."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies bfloat16 in hardware, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def in_half(network: Net) -> Net:
    """Return a copy of a network in half precision where its device is made for that.

    In half precision all through, converting to and fro does not cost more than the convolutions.
    """
    device = next(network.parameters()).device
    return deepcopy(network).to(torch.bfloat16 if has_bfloat16(device) else torch.float32)


def filled_up(planes: Tensor, stride: int) -> Tensor:
    """Continue planes (B, C, Y, X) below and to the right until a stride divides their sides."""
    rows, columns = (-side % stride for side in planes.shape[-2:])
    return functional.pad(planes, (0, columns, 0, rows), mode="replicate")


def tile_edges(length: int, tile_px: int) -> list[tuple[int, int]]:
    """Cut a length into equal parts (start, stop) of at most tile_px."""
    count = -(-length // tile_px)
    edges = [round(i * length / count) for i in range(count + 1)]
    return list(pairwise(edges))


def tiles_of(size: tuple[int, int], tile_px: int) -> list[Region]:
    """Cut an image of a size into rows and columns of at most tile_px."""
    height, width = size
    return [
        (slice(*rows), slice(*columns))
        for rows in tile_edges(height, tile_px)
        for columns in tile_edges(width, tile_px)
    ]


def tile_count(plane: Tensor, tile_px: int) -> int:
    """Return how many tiles :func:`segment_tiled` cuts a plane (C, Y, X) into."""
    height, width = plane.shape[-2:]
    return len(tiles_of((height, width), tile_px))


def segment_tiled(
    network: FSB, near: Tensor, far: Tensor, tile_px: int
) -> Generator[Progress, None, Tensor]:
    """Run FSB over an image of any size in bounded memory.

    Each tile is seen with as much of its surroundings as can change the answer
    (:attr:`FSB.reach`), on the grid of the coarsest scale, so tiles leave no trace.

    Parameters
    ----------
    network : FSB
        On the device of the planes.
    near, far : Tensor
        Shape (3, Y, X), coded for display, 0..1.
    tile_px : int
        Greatest side of a tile, px; memory grows with its square.

    Yields
    ------
    Progress
        After each stage of the network and each tile; close the generator to stop.

    Returns
    -------
    Tensor
        Alpha, (1, Y, X), float32, 0..1.
    """
    stride, reach = network.stride, network.reach
    height, width = near.shape[-2:]
    planes = filled_up(torch.cat([near, far])[None], stride)
    alpha = torch.empty(1, height, width, device=near.device)
    tiles = [
        (rows, columns)
        for rows in tile_edges(height, tile_px)
        for columns in tile_edges(width, tile_px)
    ]
    for number, (rows, columns) in enumerate(tiles, 1):
        outer = [
            (
                max(0, (start - reach) // stride * stride),
                min(-(-(stop + reach) // stride) * stride, side),
            )
            for (start, stop), side in zip((rows, columns), planes.shape[-2:], strict=True)
        ]
        seen = planes[..., slice(*outer[0]), slice(*outer[1])]
        state: Any = seen.contiguous(memory_format=torch.channels_last)
        for stage in network.stages():
            with torch.no_grad(), autocast(near.device):
                state = stage(state)
            yield Progress("segment", number - 1, len(tiles))
        answer = torch.sigmoid(state.float())[0]
        inner = [
            slice(start - o, stop - o)
            for (start, stop), (o, _) in zip((rows, columns), outer, strict=True)
        ]
        alpha[:, slice(*rows), slice(*columns)] = answer[:, *inner]
        yield Progress("segment", number, len(tiles))
    return alpha
