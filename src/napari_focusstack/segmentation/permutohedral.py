"""A fast Gaussian filter over scattered points: the message passing of the dense CRF in torch."""

from __future__ import annotations

import torch


class LatticeGaussian:
    """Gaussian filter over scattered points, normalised symmetrically.

    A bilateral grid of cubic cells, only those in use. Each point is splatted onto the D + 1
    corners of the simplex it lies in (cubes cut along their diagonals, so D + 1 corners instead
    of 2^D), the grid is blurred by (1, 2, 1) / 4 along each axis, and read back at the points.
    Time and memory are linear in the points. Splat, blur and slice have, in cells, the covariance
    C = 2/3 I + 1/6 (1/12 between axes from splat and slice each); mapping the points by the
    Cholesky factor of C makes it the identity. What is blurred into unused cells is lost.

    Parameters
    ----------
    features : torch.Tensor
        Points (N, D), float32, in units of the Gaussian's sigma.
    """

    def __init__(self, features: torch.Tensor) -> None:
        covariance = torch.eye(features.shape[1]) * (2 / 3) + 1 / 6
        position = features @ torch.linalg.cholesky(covariance).T
        position = position - position.amin(0)
        cell = position.floor()
        fraction, order = (position - cell).sort(dim=1, descending=True)
        extent = cell.amax(0).long() + 3  # one unused cell keeps the ends of rows apart
        stride = torch.cat([torch.ones(1, dtype=torch.long), extent.cumprod(0)[:-1]])
        first = ((cell.long() + 1) * stride).sum(1, keepdim=True)
        corners = torch.cat([first, first + stride[order].cumsum(1)], 1)
        self._weights = -torch.diff(
            fraction,
            dim=1,
            prepend=torch.ones(len(fraction), 1),
            append=torch.zeros(len(fraction), 1),
        )
        keys, self._vertices = corners.unique(return_inverse=True)
        self._size = len(keys)
        self._neighbours = [(_find(keys, keys - s), _find(keys, keys + s)) for s in stride]
        self._norm = torch.ones(len(features))
        self._norm = self.filter(self._norm).rsqrt()

    def filter(self, values: torch.Tensor) -> torch.Tensor:
        """Return D^-1/2 K D^-1/2 applied to values (N,)."""
        splat = (values * self._norm)[:, None] * self._weights
        grid = values.new_zeros(self._size + 1)  # the last cell stands for all unused ones
        grid.index_add_(0, self._vertices.flatten(), splat.flatten())
        for below, above in self._neighbours:
            grid[:-1] = grid[:-1] / 2 + (grid[below] + grid[above]) / 4
        return self._norm * (grid[self._vertices] * self._weights).sum(1)


def _find(keys: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Index of each wanted key in the sorted keys, or their number where it is not among them."""
    index = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[index] == wanted, index, len(keys))
