"""A fast Gaussian filter over scattered points: the message passing of the dense CRF in torch."""

from __future__ import annotations

import torch


class LatticeGaussian:
    """Gaussian filter over scattered points, normalised symmetrically.

    The filter is a sparse bilateral grid of cubic cells. Each point is splatted onto the D + 1
    corners of the simplex in which it lies (cubes are cut along their diagonals, so there are D + 1
    corners in place of 2^D). Then the grid is blurred by (1, 2, 1) / 4 along each axis, and read
    back at the points. Time and memory are linear in the number of points.

    Splat, blur and slice have, in cells, the covariance C = 2/3 I + 1/6 (splat and slice give 1/12
    between axes each). Mapping the points by the Cholesky factor of C makes it the identity. Values
    that are blurred into unused cells are lost.

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


def _find(keys: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """Return the index of each query among the sorted keys, ``len(keys)`` if it is not there."""
    index = torch.searchsorted(keys, queries).clamp(max=len(keys) - 1)
    return torch.where(keys[index] == queries, index, len(keys))
