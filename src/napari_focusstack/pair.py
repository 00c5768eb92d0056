"""A near and a far plane at work: the steps of the paper, each with its network or equation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack import diffusion
from napari_focusstack.intensity import Intensity
from napari_focusstack.networks import weights
from napari_focusstack.networks.inference import resolve_device
from napari_focusstack.planes import check_planes
from napari_focusstack.progress import Progress
from napari_focusstack.psf import estimate
from napari_focusstack.segmentation import matte

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor

    from napari_focusstack.diffusion import Region
    from napari_focusstack.lens import Psf
    from napari_focusstack.networks.keb import KEB
    from napari_focusstack.parameters import FuseParameters

    Planes = np.ndarray | Sequence[np.ndarray]


class Pair:
    """Two checked planes as light, nearest first, on a device.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        See :func:`napari_focusstack.planes.check_planes`.
    parameters : FuseParameters
        Order, intensity, device, weights.
    """

    def __init__(self, planes: Planes, parameters: FuseParameters) -> None:
        self.parameters = parameters
        self.device = resolve_device(parameters.device)
        sources = check_planes(planes)
        self.sources = sources[::-1] if parameters.near == "last" else sources
        self.intensity = Intensity.of(self.sources, parameters.intensity)
        self.near, self.far = (self.intensity.to_light(p, self.device) for p in self.sources)
        self.weights: dict[str, str] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.sources[0].shape[:2]
        return height, width

    @property
    def shown(self) -> tuple[Tensor, Tensor]:
        """The planes as networks see them, (3, Y, X) each."""
        return self.intensity.to_display(self.near), self.intensity.to_display(self.far)

    def matte(self) -> Generator[Progress, None, tuple[Tensor, str | None]]:
        """Run FSB; return alpha (1, Y, X) and which CRF ran."""
        network, self.weights["fsb"] = weights.load("fsb", self.device, self.parameters.fsb_weights)
        return (yield from matte(*self.shown, network, self.parameters))

    def psf(self, alpha: Tensor) -> Psf:
        """Estimate the blur with the method that the parameters name."""
        keb: KEB | None = None
        if isinstance(self.parameters.psf, str) and "keb" in self.parameters.psf:
            keb, self.weights["keb"] = weights.load("keb", self.device, self.parameters.keb_weights)
        return estimate(
            self.near,
            self.far,
            alpha,
            psf=self.parameters.psf,
            shape=self.parameters.psf_shape,
            keb=keb,
            shown=self.shown if keb else None,
        )

    def psf_steps(self, alpha: Tensor) -> Generator[Progress, None, Psf]:
        """Estimate the blur as :meth:`psf`, and say so before and after."""
        yield Progress("estimate PSF", 0, 1)
        psf = self.psf(alpha)
        yield Progress("estimate PSF", 1, 1)
        return psf

    def is_veiled(self, alpha: Tensor) -> bool:
        """Tell whether there is anything to eliminate, and so a blur to be known."""
        return self.parameters.elimination != "none" and self.has_boundary(alpha)

    @staticmethod
    def has_boundary(alpha: Tensor) -> bool:
        """Tell whether alpha (1, Y, X) separates a foreground from a background."""
        return bool(alpha.min() < 0.5 < alpha.max())

    def eliminate(
        self,
        alpha: Tensor,
        psf: Psf | None,
        method: diffusion.EliminationMethod | None = None,
        within: Region | None = None,
    ) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Remove the veil, by the method of the parameters if none is given.

        Returns
        -------
        image, initial : ndarray
            All-in-focus image and initial fusion; equal where there is no PSF.
        region : ndarray of bool
            The transition region, (Y, X). All three are of the rows and columns ``within``, or of
            the whole image.
        """
        height, width = self.size
        rows, columns = within or (slice(0, height), slice(0, width))
        mask = alpha[0, rows, columns].cpu().numpy() > 0.5
        near, far = (source[rows, columns] for source in self.sources)
        initial = np.where(mask if near.ndim == 2 else mask[..., None], near, far)
        image, region = initial.copy(), np.zeros(mask.shape, bool)
        if psf is None:
            return image, initial, region
        method = method or self.parameters.elimination
        blocks = diffusion.eliminate(self.near, self.far, alpha, psf, method, (rows, columns))
        for where, part, light in blocks:
            chosen = part.cpu().numpy()
            values = self.intensity.from_light(light)
            here = diffusion.inside(where, (rows, columns))
            image[here][chosen] = values[:, 0] if near.ndim == 2 else values
            region[here] = chosen
            yield Progress("fuse", where[0].stop, rows.stop)
        return image, initial, region
