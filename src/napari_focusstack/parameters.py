"""The parameters of fusion: one dataclass for each step.

The API, the command, the dock and the record read the same fields.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_type_hints

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.psf_shapes import PSF_SHAPE_CHOICES, PsfShapeChoice
from napari_focusstack.runtime.distance import read_distance
from napari_focusstack.runtime.plane_choice import choice_text
from napari_focusstack.runtime.schemas import fits
from napari_focusstack.runtime.slab_choice import read_slab

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Distances between planes whose depth float32 can hold, in any unit.
MIN_STEP, MAX_STEP = 1e-30, 1e30
#: What to give, by the type of a field.
TYPE_WORDS = {
    "bool": "True or False",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "str | None": "a file, or None",
    "str | float": "a method, or a number",
}


def option(default: Any, text: str, choices: tuple[str, ...] = ()) -> Any:
    """Return a dataclass field with its default, help text and choices."""
    return field(default=default, metadata={"help": text, "choices": choices})


def option_type(parameter: Field) -> type:
    """Return the type that a command line converts the text of a field to."""
    return type(parameter.default) if isinstance(parameter.default, int | float) else str


def check_choices(parameters: Any) -> None:
    """Raise InputError if the value of a field has another type, or is none of its choices."""
    types = get_type_hints(type(parameters))
    for parameter in fields(parameters):
        value, choices = getattr(parameters, parameter.name), parameter.metadata["choices"]
        if not choices and not fits(value, types[parameter.name]):
            raise InputError(
                f"{parameter.name} is {value!r}; give {TYPE_WORDS[str(parameter.type)]}."
            )
        if choices and not (isinstance(value, str) and value in choices):
            raise InputError(f"{parameter.name} is {value!r}; choose one of {', '.join(choices)}.")


@dataclass(frozen=True, kw_only=True)
class InputParameters:
    """Reading of the planes, and the device."""

    intensity: Literal["auto", "linear", "srgb"] = option(
        "auto",
        "coding of pixel values: linear light or sRGB; auto reads 8-bit RGB as sRGB, all else as "
        "linear",
        ("auto", "linear", "srgb"),
    )
    near: Literal["first", "last", "auto"] = option(
        "auto",
        "end of the stack that is nearest to the lens; auto takes the first, or the last where "
        "only that order explains the planes",
        ("first", "last", "auto"),
    )
    planes: str | None = option(
        None,
        "planes to use, counted from 1 in the order given, such as 1,3,5:9 or 3:40:2, which is "
        "every second from 3 to 40; all if not given",
    )
    z_step: float = option(
        0.0,
        "distance between neighbouring planes, in the unit of depth; 0 takes it from the file or "
        "the layer, else 1",
    )
    device: str = option("auto", "device of networks and optics: auto, cpu, cuda, cuda:1, mps")


@dataclass(frozen=True, kw_only=True)
class RegistrationParameters:
    """Registration of planes that shift, rotate or change scale with the focus (breathing)."""

    register: Literal["auto", "on", "off"] = option(
        "auto",
        "register the planes; auto registers stacks of more than two planes that clearly moved",
        ("auto", "on", "off"),
    )
    register_model: Literal["shift", "rigid", "similarity"] = option(
        "similarity",
        "motion model: shift; rigid adds rotation; similarity adds scale too (breathing)",
        ("shift", "rigid", "similarity"),
    )

    def __post_init__(self) -> None:
        """Raise InputError if a value is none of its choices."""
        check_choices(self)


@dataclass(frozen=True, kw_only=True)
class LightParameters:
    """Faults of the sensor, and drifts of light between planes."""

    equalize: Literal["auto", "off"] = option(
        "auto",
        "drifts of exposure, white balance and vignetting, and hot or dead pixels: auto corrects "
        "those that are clear; off keeps all pixels as they are",
        ("auto", "off"),
    )


@dataclass(frozen=True, kw_only=True)
class SegmentationParameters:
    """Segmentation: FSB, DEB and the CRF for a pair, DEB and MEB for more planes."""

    fsb_weights: str | None = option(None, "safetensors file of FSB instead of the shipped one")
    deb_weights: str | None = option(None, "safetensors file of DEB instead of the shipped one")
    meb_weights: str | None = option(None, "safetensors file of MEB instead of the shipped one")
    crf: bool = option(
        True, "refine the foreground of a pair by a dense conditional random field (CRF)"
    )
    crf_backend: Literal["auto", "pydensecrf", "torch"] = option(
        "auto",
        "implementation of the CRF; with torch a GUI stays responsive meanwhile",
        ("auto", "pydensecrf", "torch"),
    )
    tile_px: int = option(
        1024, "side of the tiles that networks process, px; memory grows with its square"
    )


@dataclass(frozen=True, kw_only=True)
class SourceParameters:
    """Choice of the plane that shows each pixel best, by SEB."""

    blend: Literal["seams", "none", "noise"] = option(
        "seams",
        "where planes are blended: seams hides visible edges that no plane has; none keeps every "
        "pixel a source pixel; noise averages planes that agree, for noisy stacks",
        ("seams", "none", "noise"),
    )
    seb_weights: str | None = option(None, "safetensors file of SEB instead of the shipped one")


@dataclass(frozen=True, kw_only=True)
class PsfParameters:
    """PSF estimation (KEB, reblur residual)."""

    psf: str | float = option(
        "keb+reblur",
        "keb, reblur, keb+reblur, or the sigma of the blur of the foreground in px",
    )
    psf_shape: PsfShapeChoice = option(
        "auto",
        "shape of the PSF; auto takes the one that explains the planes better",
        PSF_SHAPE_CHOICES,
    )
    keb_weights: str | None = option(None, "safetensors file of KEB instead of the shipped one")


@dataclass(frozen=True, kw_only=True)
class EliminationParameters:
    """Elimination of the blurred foreground light (the halo)."""

    elimination: Literal["unmix", "subtract", "none"] = option(
        "unmix",
        "unmix solves the imaging equation (Eq. 4); subtract is the paper's method; none selects "
        "source pixels, as transmitted light without occlusion needs",
        ("unmix", "subtract", "none"),
    )
    teb_weights: str | None = option(None, "safetensors file of TEB instead of the shipped one")


@dataclass(frozen=True, kw_only=True)
class ResultParameters:
    """What of the result is kept."""

    crop: bool = option(
        False, "cut the result to the largest rectangle whose pixels are shown by all planes"
    )


@dataclass(frozen=True, kw_only=True)
class ProjectionParameters:
    """Projection of the planes around the surface, see :func:`napari_focusstack.project`."""

    project: Literal["none", "max", "mean", "sum"] = option(
        "none",
        "in place of the fused image, write the maximum, mean or sum of the planes around the "
        "surface, for fluorescence",
        ("none", "max", "mean", "sum"),
    )
    above: str = option(
        "0", "how far planes may lie in front of the surface, in planes (3) or a length (2um)"
    )
    below: str = option(
        "0", "how far planes may lie behind the surface, in planes (3) or a length (2um)"
    )
    channel_offset: str | None = option(
        None,
        "how far a channel lies behind the surface, by its name or number, such as DAPI=2um or "
        "2=-1; several are separated by commas",
    )

    def __post_init__(self) -> None:
        """Raise InputError if a value is none of its choices, or no distance."""
        check_choices(self)
        for name in ("above", "below"):
            if read_distance(getattr(self, name), name).value < 0:
                raise InputError(f"{name} is {getattr(self, name)!r}; give 0 or more.")
        for channel, offset in self.offsets.items():
            read_distance(offset, f"the offset of channel {channel}")

    @property
    def offsets(self) -> dict[str, str]:
        """The offset of each channel that has one, by its name or number."""
        offsets = {}
        for part in (self.channel_offset or "").split(","):
            channel, equals, offset = part.rpartition("=")
            if part.strip() and not (equals and channel.strip()):
                raise InputError(f"channel_offset is {part!r}; give NAME=DISTANCE.")
            if part.strip():
                offsets[channel.strip()] = offset.strip()
        return offsets


@dataclass(frozen=True, kw_only=True)
class SlabParameters:
    """Slabs of neighbouring planes, see :func:`napari_focusstack.fuse_slabs`."""

    slab: str | None = option(
        None,
        "fuse N planes at a time, of which OVERLAP are those of the slab before, and write all "
        "slabs as a stack",
    )

    def __post_init__(self) -> None:
        """Raise InputError if the text says no slabs."""
        check_choices(self)
        if self.slab is not None:
            read_slab(self.slab)


@dataclass(frozen=True, kw_only=True)
class FuseParameters(
    InputParameters,
    RegistrationParameters,
    LightParameters,
    SegmentationParameters,
    SourceParameters,
    PsfParameters,
    EliminationParameters,
    ResultParameters,
):
    """All parameters of :func:`napari_focusstack.fuse`."""

    def __post_init__(self) -> None:
        """Check all values.

        Raises
        ------
        InputError
            If a value has another type or is none of its choices, planes is no choice of planes,
            z_step is negative or not finite, or tile_px is below 64.
        """
        object.__setattr__(self, "planes", choice_text(self.planes))
        check_choices(self)
        if self.z_step and not MIN_STEP <= self.z_step <= MAX_STEP:
            raise InputError(
                f"z_step is {self.z_step}; give a distance from {MIN_STEP:g} to {MAX_STEP:g}, or 0."
            )
        if self.tile_px < 64:
            raise InputError(f"tile_px is {self.tile_px}; give at least 64.")

    @classmethod
    def of_known(cls, values: Mapping[str, Any]) -> FuseParameters:
        """Return the parameters of a record; what this version does not know is left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})
