"""Turn trained weights into a wider network with the same output that can learn more (Net2Net)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from napari_focusstack.errors import InputError

#: Standard deviation of a copy's share of the old weight, relative to an equal share. Convention:
#: shares must differ, or the copies would learn alike.
SHARE_STD = 0.7


def net2wider(trained: Any, wider: Any) -> nn.Module:
    """Copy weights into a network of the same layers with more channels (Net2Net).

    Each channel of the wider network is a copy of a trained one. A weight that read one channel is
    shared among its ``n`` copies, so the output stays the same (Chen et al., ICLR 2016). The shares
    are random: copies with equal weights would learn alike, and stay copies.

    Parameters
    ----------
    trained : nn.Module
        Network of convolutions and linear layers, with its ``width`` in ``config``.
    wider : nn.Module
        The same kind of network, freshly made, at least as wide in every layer.

    Returns
    -------
    nn.Module
        ``wider``, with its weights replaced.

    Raises
    ------
    InputError
        If the width is not a multiple of the trained one. Channels would then have unequal numbers
        of copies, and unequal weights in a mean over channels.
    """
    old_width, new_width = trained.config["width"], wider.config["width"]
    if new_width % old_width:
        raise InputError(
            f"width {new_width} is not a multiple of {old_width}, the width of the weights to "
            "start from; choose one."
        )
    state = {}
    for name, fresh in wider.state_dict().items():
        old = trained.state_dict()[name]
        rows = torch.arange(fresh.shape[0], device=old.device) % old.shape[0]
        weight = old[rows]
        if fresh.ndim > 1:
            columns = torch.arange(fresh.shape[1], device=old.device) % old.shape[1]
            weight = weight[:, columns] * _shares(weight, columns)
        state[name] = weight
    wider.load_state_dict(state)
    return wider


def _shares(weight: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return random shares (rows, copies, 1, ...) that sum to 1 over the copies of each column."""
    one_hot = nn.functional.one_hot(columns).to(weight)
    copies = one_hot.sum(0)[columns]
    scatter = torch.randn(len(weight), len(columns)).to(weight)
    centred = scatter - (scatter @ one_hot / one_hot.sum(0))[:, columns]
    shares = (1 + SHARE_STD * centred) / copies
    return shares.reshape(*shares.shape, *[1] * (weight.ndim - 2))
