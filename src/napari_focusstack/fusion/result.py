"""The result of a fusion."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.segmentation.depth_inpainting import inpaint
from napari_focusstack.segmentation.focus_map import FocusMap

if TYPE_CHECKING:
    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.fusion.pipeline import Pipeline
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.registration.transforms import Registration


@dataclass(eq=False)
class FusionResult:
    """What :func:`fuse` found.

    Parameters
    ----------
    image : ndarray
        All-in-focus image, shape and dtype of a plane. Outside ``transition_region`` each pixel is
        that of a source plane, bit for bit.
    initial : ndarray
        Initial fusion (Eq. 9 with the hard mask): source pixels only, halo and all.
    focus : FocusMap
        What is in focus where.
    transition_region : ndarray of bool
        Shape (Y, X): where no source pixel is right and light was computed.
    psf : Psf or None
        Both blurs, their shape and the reblur residual; None where nothing was eliminated.
    near : {"first", "last"}
        Which end of the planes that were given is nearest to the lens.
    intensity : {"linear", "srgb"}
        How pixel values were taken to stand for light.
    crf_backend : str or None
        Which CRF refined the mask.
    registration : Registration or None
        How the planes were moved to lie on each other; None where nobody looked.
    plain : str
        Why nothing was eliminated and every pixel is a source pixel; empty where it was.
    diagnosis : Diagnosis or None
        Planes that are doubled, misplaced, missing or of no use; None of a pair, and where labels
        were given.
    weights : dict of str to str
        SHA-256 of the networks' weights that were used.
    parameters : dict
        Everything needed to repeat the result.
    """

    image: np.ndarray
    initial: np.ndarray
    focus: FocusMap
    transition_region: np.ndarray
    psf: Psf | None
    near: Literal["first", "last"]
    intensity: str
    crf_backend: str | None
    registration: Registration | None = None
    plain: str = ""
    diagnosis: Diagnosis | None = None
    weights: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        pipeline: Pipeline,
        focus: FocusMap,
        psf: Psf | None,
        eliminated: tuple[np.ndarray, np.ndarray, np.ndarray],
        crf_backend: str | None,
        diagnosis: Diagnosis | None = None,
    ) -> FusionResult:
        """Gather what was found; ``eliminated`` as :meth:`Pipeline.eliminate` returns it."""
        image, initial, region = eliminated
        return cls(
            image=image,
            initial=initial,
            focus=focus,
            transition_region=region,
            psf=psf,
            near=pipeline.near,
            intensity=pipeline.stack.intensity.coding,
            crf_backend=crf_backend,
            registration=pipeline.registration,
            plain=pipeline.plain,
            diagnosis=diagnosis,
            weights=pipeline.weights,
            parameters=asdict(pipeline.parameters),
        )

    @property
    def labels(self) -> np.ndarray:
        """The plane in focus, (Y, X), uint8 (uint16 beyond 255 planes): 1 is the nearest."""
        return self.focus.labels

    @property
    def alpha(self) -> np.ndarray:
        """How much of each pixel the nearest surface in it covers, (Y, X), float32, 0..1."""
        return self.focus.alpha[0].cpu().numpy()

    @property
    def depth(self) -> np.ndarray:
        """Distance behind the nearest plane, (Y, X), float32, in the unit of ``z_step``.

        Where :attr:`filled` says so, it is interpolated from what is around; labels are not.
        """
        found = self.focus.depth
        if not self.focus.is_pair:
            found = inpaint(found, self.focus.confidence)
        return (found[0] - 1).cpu().numpy() * np.float32(self.parameters["z_step"] or 1)

    @property
    def confidence(self) -> np.ndarray:
        """How sure depth is, (Y, X), float32, 0..1.

        Of planes that DEB looked at: how probably focus lies between the two planes that depth
        lies between, above chance, and 0 where no plane shows detail. 1 where labels were given or
        painted. Of a pair ``|2 alpha - 1|``.
        """
        return self.focus.confidence[0].cpu().numpy()

    @property
    def filled(self) -> np.ndarray:
        """Which pixels' depth is interpolated, for it was less sure than 0.2, (Y, X), bool."""
        return self.focus.holes[0].cpu().numpy()

    @property
    def valid(self) -> np.ndarray:
        """Which pixels every plane shows, (Y, X), bool; what lies beyond its border is a guess."""
        everywhere = np.ones(self.focus.size, bool)
        if self.registration is not None:
            for number in range(1, self.focus.planes + 1):
                everywhere &= self.registration.valid(number)
        return everywhere

    @property
    def sigma_px(self) -> float | None:
        """Sigma of the foreground's blur in the far plane, px (per plane step)."""
        return self.psf.sigma_px if self.psf else None

    @property
    def consistency(self) -> float | None:
        """Reblur residual, 0..1 in linear light: a quality figure that needs no truth."""
        return self.psf.residual if self.psf else None

    def figures(self) -> dict[str, Any]:
        """Return what was found, for the record: blur, residual, coding, share computed."""
        return {
            "planes": self.focus.planes,
            "registration": self.registration.to_dict() if self.registration else None,
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
            "filled": float(self.filled.mean()),
            "findings": self.diagnosis.messages() if self.diagnosis else [],
        }

    @property
    def diffusion(self) -> np.ndarray:
        """What was removed: initial minus image, float32, in pixel values."""
        return self.initial.astype(np.float32) - self.image.astype(np.float32)
