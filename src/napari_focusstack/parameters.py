"""The parameters of each step: one dataclass each, read by the API, the command and the record."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, get_args

from napari_focusstack.errors import InputError

#: Shapes of the PSF; :data:`napari_focusstack.imaging.kernels.KERNELS` says what they are.
PsfShape = Literal["gaussian", "disk"]
PsfShapeChoice = Literal["auto", PsfShape]


def option(default: Any, text: str, choices: tuple[str, ...] = ()) -> Any:
    """Return a dataclass field that carries its help text and choices."""
    return field(default=default, metadata={"help": text, "choices": choices})


def option_type(each: Field) -> type:
    """Return the type that a field's text is read as on a command line."""
    return type(each.default) if isinstance(each.default, int | float) else str


def check_choices(parameters: Any) -> None:
    """Raise InputError if a field of a parameter dataclass is none of its choices."""
    for each in fields(parameters):
        value, choices = getattr(parameters, each.name), each.metadata["choices"]
        if choices and value not in choices:
            raise InputError(f"{each.name} is {value!r}; choose one of {', '.join(choices)}.")


@dataclass(frozen=True, kw_only=True)
class InputParameters:
    """How the planes are read, and where the work is done."""

    intensity: Literal["auto", "linear", "srgb"] = option(
        "auto",
        "how pixel values stand for light: auto takes 8-bit RGB for sRGB, all else for linear",
        ("auto", "linear", "srgb"),
    )
    near: Literal["first", "last", "auto"] = option(
        "first",
        "which end of the stack is nearest to the lens; auto takes the one that explains the "
        "planes better",
        ("first", "last", "auto"),
    )
    z_step: float = option(
        0.0,
        "distance between planes, in the unit that depth shall have; 0 takes what the file or the "
        "layer says, else 1",
    )
    device: str = option("auto", "where networks and optics run: auto, cpu, cuda, cuda:1, mps")


@dataclass(frozen=True, kw_only=True)
class RegistrationParameters:
    """How planes that drift or breathe are brought to lie on each other."""

    register: Literal["auto", "on", "off"] = option(
        "auto",
        "bring the planes to lie on each other: auto does so where more than two clearly moved",
        ("auto", "on", "off"),
    )
    register_model: Literal["shift", "rigid", "similarity"] = option(
        "similarity",
        "how planes may move: shift; rigid turns them too; similarity scales them too (breathing)",
        ("shift", "rigid", "similarity"),
    )

    def __post_init__(self) -> None:
        """Check each choice; InputError if a value is none of them."""
        check_choices(self)


@dataclass(frozen=True, kw_only=True)
class SegmentationParameters:
    """How it is found what is in focus: FSB and DEB for a pair, DEB and MEB for more planes."""

    fsb_weights: str | None = option(None, "safetensors file of FSB instead of the shipped one")
    deb_weights: str | None = option(None, "safetensors file of DEB instead of the shipped one")
    meb_weights: str | None = option(None, "safetensors file of MEB instead of the shipped one")
    crf: bool = option(True, "refine the foreground by a dense conditional random field")
    crf_backend: Literal["auto", "pydensecrf", "torch"] = option(
        "auto",
        "which implementation of the random field runs; torch leaves a GUI responsive meanwhile",
        ("auto", "pydensecrf", "torch"),
    )
    tile_px: int = option(
        1024, "side of the tiles a network sees at once, px; memory grows as its square"
    )


@dataclass(frozen=True, kw_only=True)
class PsfParameters:
    """How the point spread function is found (KEB, reblur consistency)."""

    psf: str | float = option(
        "keb+reblur", "keb, reblur, keb+reblur, or the sigma of the foreground's blur in px"
    )
    psf_shape: PsfShapeChoice = option(
        "auto",
        "shape of the PSF; auto takes what explains the planes better",
        get_args(PsfShapeChoice),
    )
    keb_weights: str | None = option(None, "safetensors file of KEB instead of the shipped one")


@dataclass(frozen=True, kw_only=True)
class EliminationParameters:
    """How the veil of the blurred foreground is removed."""

    elimination: Literal["unmix", "subtract", "none"] = option(
        "unmix",
        "unmix solves the imaging equation; subtract is the paper's; none selects source pixels, "
        "right where nothing occludes (transmitted light)",
        ("unmix", "subtract", "none"),
    )


@dataclass(frozen=True, kw_only=True)
class FuseParameters(
    InputParameters,
    RegistrationParameters,
    SegmentationParameters,
    PsfParameters,
    EliminationParameters,
):
    """All parameters of :func:`napari_focusstack.fuse`."""

    def __post_init__(self) -> None:
        """Check each choice.

        Raises
        ------
        InputError
            If a value is none of the choices.
        """
        check_choices(self)
        if not self.z_step >= 0:
            raise InputError(f"z_step is {self.z_step}; give a distance above 0, or 0.")
        if self.tile_px < 64:
            raise InputError(f"tile_px is {self.tile_px}; give at least 64.")
