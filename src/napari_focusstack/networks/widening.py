"""Turn trained weights into a wider network that gives the same answers and can learn more."""

from __future__ import annotations

import torch
from torch import nn

#: Relative scatter given to the copies of a channel, so that they can learn to differ.
SCATTER = 0.02


def widen(trained: nn.Module, wider: nn.Module) -> nn.Module:
    """Copy weights into a network of the same layers with more channels (Net2Net).

    Each channel of the wider network is a copy of a trained one; what reads ``n`` copies divides
    its weights by ``n``, so that the answer stays (Chen et al., ICLR 2016). A little scatter lets
    the copies part.

    Parameters
    ----------
    trained : nn.Module
        Network of convolutions and linear layers.
    wider : nn.Module
        The same kind of network, freshly made, at least as wide in every layer.

    Returns
    -------
    nn.Module
        ``wider``, with its weights replaced.
    """
    state = {}
    for name, fresh in wider.state_dict().items():
        old = trained.state_dict()[name]
        rows = torch.arange(fresh.shape[0], device=old.device) % old.shape[0]
        weight = old[rows]
        if fresh.ndim > 1:
            columns = torch.arange(fresh.shape[1], device=old.device) % old.shape[1]
            copies = torch.bincount(columns, minlength=old.shape[1])[columns]
            weight = weight[:, columns] / copies.reshape(1, -1, *[1] * (fresh.ndim - 2))
        if fresh.shape != old.shape:
            weight = weight * (1 + SCATTER * torch.randn_like(weight))
        state[name] = weight
    wider.load_state_dict(state)
    return wider
