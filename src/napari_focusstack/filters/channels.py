"""The order of channels in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def interleave(images: Sequence[Tensor]) -> Tensor:
    """Put images together as channels that are last in memory, as convolutions read them fastest.

    OpenCV does it on a CPU, in a third of the time that torch takes.

    Parameters
    ----------
    images : sequence of Tensor
        N of shape (B, Y, X).

    Returns
    -------
    Tensor
        Shape (B, N, Y, X), channels last in memory.

    Examples
    --------
    >>> both = interleave([torch.zeros(1, 2, 3), torch.ones(1, 2, 3)])
    >>> both.shape, both.stride(), both[0, :, 0, 0]
    (torch.Size([1, 2, 2, 3]), (12, 1, 6, 2), tensor([0., 1.]))
    """
    if images[0].device.type != "cpu":
        return torch.stack(tuple(images), 1).contiguous(memory_format=torch.channels_last)
    import cv2

    batch = zip(*(image.numpy() for image in images), strict=True)
    merged = [torch.from_numpy(cv2.merge(channels))[None] for channels in batch]
    return (merged[0] if len(merged) == 1 else torch.cat(merged)).permute(0, 3, 1, 2)
