"""The result of a fusion."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import as_floats, to_type
from napari_focusstack.planes.focal_stack import place_of_nearest
from napari_focusstack.runtime.region import full, largest_rectangle
from napari_focusstack.segmentation.depth_inpainting import inpaint
from napari_focusstack.segmentation.focus_map import FocusMap

if TYPE_CHECKING:
    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.fusion.pipeline import Pipeline
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.planes.defects import Defects
    from napari_focusstack.planes.shown import Shown
    from napari_focusstack.registration.light import Light
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.source.selection import Selection


def crop_region(valid: np.ndarray) -> Region:
    """Return the largest rectangle of pixels (Y, X) that all planes show.

    Raises
    ------
    InputError
        If there is none.
    """
    region = largest_rectangle(valid)
    if region is None:
        raise InputError("no pixel is shown by all planes, so crop leaves nothing; turn it off.")
    return region


def distances(surface: np.ndarray, positions: np.ndarray | None, z_step: float) -> np.ndarray:
    """Return the distance of planes, and of places between, behind the nearest, float32.

    Parameters
    ----------
    surface : ndarray
        Numbers of planes, 1..P, of any shape.
    positions : ndarray or None
        Distance of each plane behind the nearest, (P,); None where steps are equal.
    z_step : float
        Distance between neighbours where steps are equal; 0 for 1.
    """
    if positions is None:
        return ((surface - 1) * np.float32(z_step or 1)).astype(np.float32)
    return np.interp(surface - 1, np.arange(len(positions)), positions).astype(np.float32)


def bounds(region: Region | None) -> list[list[int]] | None:
    """Return a region that was cut to, as a record has it: first and last rows, then columns.

    Examples
    --------
    >>> bounds((slice(2, 30), slice(0, 40)))
    [[2, 30], [0, 40]]
    """
    return None if region is None else [[part.start, part.stop] for part in region]


@dataclass(eq=False)
class FusionResult:
    """The result of :func:`fuse`.

    Parameters
    ----------
    image : ndarray
        All-in-focus image R (Eq. 15), shape and dtype of a plane. Outside ``transition_region``
        and ``blended`` each pixel is that of the plane that ``source`` names, bit for bit. Pixels
        that no plane shows are 0, or NaN in floats.
    initial : ndarray
        Initial fusion R_init, with the halo: source pixels, blended in ``blended``.
    source : ndarray
        The plane that shows each pixel best, (Y, X), uint8 (uint16 beyond 255 planes): 1 is the
        nearest, 0 where no plane shows the pixel. It serves the picture; ``labels`` say which
        surface is seen.
    blended : ndarray of bool
        Shape (Y, X): where planes were blended, to hide a seam or to average noise.
    focus : FocusMap
        Depth and alpha of each pixel.
    transition_region : ndarray of bool
        Shape (Y, X): where no source pixel is right and light was computed.
    psf : Psf or None
        K2 and K3, their shape and the reblur residual; None if nothing was eliminated.
    near : {"first", "last"}
        Which end of the planes as given is nearest to the lens.
    intensity : {"linear", "srgb"}
        How pixel values encode light.
    crf_backend : str or None
        Backend of the CRF that refined the mask, None if none did.
    registration : Registration or None
        How the planes were moved, in the order given; None if registration was not tried.
    defects : Defects or None
        Hot and dead pixels that were filled; None if there were none, or with ``equalize="off"``.
    light : Light or None
        Changes of light between the planes, which were equalised; None if there were none. Source
        pixels are those of the filled and equalised planes.
    shown : Shown or None
        Which pixels each plane shows that is not blank.
    region : tuple of slice or None
        Rows and columns of the planes that the result was cut to; None if it was not. The focus map
        is that of the whole planes.
    positions : ndarray or None
        Distance of each plane behind the nearest, (P,); None where steps are equal.
    used : tuple of int
        Numbers of the planes in which surfaces were sought: neither blank nor blurred as a whole,
        and chosen. Empty where labels were given.
    plain : str
        Why nothing was eliminated; empty otherwise.
    warnings : list of str
        What is odd about the planes, such as a reversed order.
    diagnosis : Diagnosis or None
        Planes that are duplicated, misplaced, missing or not needed; None if labels were given, and
        for a pair of two different planes.
    weights : dict of str to str
        SHA-256 of the weights of each network that ran.
    parameters : dict
        Everything needed to repeat the result.
    """

    image: np.ndarray
    initial: np.ndarray
    source: np.ndarray
    blended: np.ndarray
    focus: FocusMap
    transition_region: np.ndarray
    psf: Psf | None
    near: Literal["first", "last"]
    intensity: str
    crf_backend: str | None
    registration: Registration | None = None
    defects: Defects | None = None
    light: Light | None = None
    shown: Shown | None = None
    region: Region | None = None
    positions: np.ndarray | None = None
    used: tuple[int, ...] = ()
    plain: str = ""
    warnings: list[str] = field(default_factory=list)
    diagnosis: Diagnosis | None = None
    weights: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        focus: FocusMap,
        psf: Psf | None,
        selection: Selection,
        eliminated: tuple[np.ndarray, np.ndarray],
        crf_backend: str | None,
        diagnosis: Diagnosis | None = None,
    ) -> FusionResult:
        """Return the result of a pipeline; ``eliminated`` as :meth:`Pipeline.eliminate` returns."""
        image, region = eliminated
        selection = selection.seen(pipeline.visible.by_any)
        return cls(
            image=image,
            initial=selection.picture,
            source=selection.source,
            blended=selection.blended,
            focus=focus,
            transition_region=region,
            psf=psf,
            near=pipeline.near,
            intensity=pipeline.stack.intensity.coding,
            crf_backend=crf_backend,
            registration=pipeline.registration,
            defects=pipeline.defects,
            light=pipeline.light,
            shown=pipeline.visible,
            positions=pipeline.positions,
            used=() if pipeline.has_labels else tuple(pipeline.shown),
            plain=pipeline.plain,
            warnings=pipeline.warnings,
            diagnosis=diagnosis,
            weights=pipeline.weights,
            parameters=asdict(pipeline.parameters),
        )

    def cropped(self, region: Region | None = None) -> FusionResult:
        """Return the result cut to a region, or to the largest rectangle that all planes show.

        The focus map stays whole, because it is that of the planes.

        Raises
        ------
        InputError
            If no pixel is shown by all planes.
        """
        region = region or crop_region(self.valid)
        if region == full(self.focus.size):
            return self
        return replace(
            self,
            image=self.image[region].copy(),
            initial=self.initial[region].copy(),
            source=self.source[region].copy(),
            blended=self.blended[region].copy(),
            transition_region=self.transition_region[region].copy(),
            region=region,
        )

    def _cut(self, whole: np.ndarray) -> np.ndarray:
        """Return an array of the planes' size, cut to the region of the result."""
        return whole if self.region is None else whole[self.region]

    @property
    def labels(self) -> np.ndarray:
        """The plane in focus, (Y, X), uint8 (uint16 beyond 255 planes): 1 is the nearest.

        One of the planes that are used.
        """
        labels = self.focus.labels
        if self.used and len(self.used) < self.focus.planes:
            nearest = np.array(self.used)[place_of_nearest(self.used, self.focus.planes) - 1]
            labels = nearest[labels].astype(labels.dtype)
        return self._cut(labels)

    @property
    def alpha(self) -> np.ndarray:
        """Coverage of each pixel by the nearest surface in it, (Y, X), float32, 0..1."""
        return self._cut(self.focus.alpha[0].cpu().numpy())

    @property
    def surface(self) -> np.ndarray:
        """The plane in which each pixel is in focus, between planes too, (Y, X), float32, 1..P.

        Where :attr:`filled` is True it is interpolated from its surroundings.
        """
        depth = self.focus.depth
        if not self.focus.is_pair:
            depth = inpaint(depth, self.focus.confidence)
        numbers: np.ndarray = depth[0].cpu().numpy()
        return numbers

    @property
    def depth(self) -> np.ndarray:
        """Distance behind the nearest plane, (Y, X), float32, in the unit of z_step or positions.

        Where :attr:`filled` is True it is interpolated from its surroundings; labels are not.
        """
        return distances(self._cut(self.surface), self.positions, self.parameters["z_step"])

    @property
    def confidence(self) -> np.ndarray:
        """Confidence of depth, (Y, X), float32, 0..1.

        For a stack it is the probability by DEB that focus lies between the two planes around
        depth, scaled so that chance is 0, and 0 where no plane shows detail. It is 1 where labels
        were given or painted. For a pair it is ``|2 alpha - 1|``.
        """
        return self._cut(self.focus.confidence[0].cpu().numpy())

    @property
    def filled(self) -> np.ndarray:
        """Pixels whose depth is interpolated, as its confidence is below 0.2, (Y, X), bool."""
        return self._cut(self.focus.holes[0].cpu().numpy())

    @property
    def valid(self) -> np.ndarray:
        """Pixels that every plane shows, (Y, X), bool; blank planes do not count."""
        valid = np.ones(self.focus.size, bool) if self.shown is None else self.shown.by_all
        return self._cut(valid)

    @property
    def sigma_px(self) -> float | None:
        """Sigma of K3, px; for a stack the defocus slope, px per plane step."""
        return self.psf.sigma_px if self.psf else None

    @property
    def consistency(self) -> float | None:
        """Reblur residual, 0..1 in linear light: a quality figure that needs no ground truth."""
        return self.psf.residual if self.psf else None

    @property
    def findings(self) -> list[str]:
        """What is wrong with the planes, most serious first, one sentence each.

        Planes are counted in the order given, as the option ``planes`` does.
        """
        if self.diagnosis is None:
            return list(self.warnings)
        diagnosis = self.diagnosis.reversed if self.near == "last" else self.diagnosis
        return [*self.warnings, *diagnosis.messages()]

    def figures(self) -> dict[str, Any]:
        """Return the figures for the record: PSF, residual, coding, share of computed pixels."""
        return {
            "planes": self.focus.planes,
            "registration": self.registration.to_dict() if self.registration else None,
            "filled_pixels": self.defects.count if self.defects else 0,
            "gains": self.light.gains.round(4).tolist() if self.light else None,
            "positions": None if self.positions is None else self.positions.tolist(),
            "near": self.near,
            "sigma_px": self.sigma_px,
            "sigma_background_px": self.psf.sigma_background_px if self.psf else None,
            "psf_shape": self.psf.shape if self.psf else None,
            "breathing": asdict(self.psf.breathing) if self.psf else None,
            "reblur_residual": self.consistency,
            "plain": self.plain or None,
            "intensity": self.intensity,
            "crf_backend": self.crf_backend,
            "transition_region": float(self.transition_region.mean()),
            "blended": float(self.blended.mean()),
            "filled": float(self.filled.mean()),
            "crop": bounds(self.region),
            "findings": self.findings,
        }

    @property
    def diffusion(self) -> np.ndarray:
        """Diffusion component S, what was removed: initial minus image, float32, pixel values."""
        difference = as_floats(self.initial) - as_floats(self.image)
        return to_type(difference, np.dtype(np.float32))
