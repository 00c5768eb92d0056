"""The parameters of each step: one dataclass each, read by the API, the command and the record."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal

from napari_focusstack.errors import InputError


def option(default: Any, text: str, choices: tuple[str, ...] = ()) -> Any:
    """Return a dataclass field that carries its help text and choices."""
    return field(default=default, metadata={"help": text, "choices": choices})


def option_type(each: Field) -> type:
    """Return the type that a field's text is read as on a command line."""
    return type(each.default) if isinstance(each.default, int | float) else str


@dataclass(frozen=True, kw_only=True)
class InputParameters:
    """How the planes are read, and where the work is done."""

    intensity: Literal["auto", "linear", "srgb"] = option(
        "auto",
        "how pixel values stand for light: auto takes 8-bit RGB for sRGB, all else for linear",
        ("auto", "linear", "srgb"),
    )
    near: Literal["first", "last"] = option(
        "first", "which end of the stack is nearest to the lens", ("first", "last")
    )
    device: str = option("auto", "where networks and optics run: auto, cpu, cuda, cuda:1, mps")


@dataclass(frozen=True, kw_only=True)
class SegmentationParameters:
    """How the foreground is found (FSB)."""

    fsb_weights: str | None = option(None, "safetensors file of FSB instead of the shipped one")
    crf: bool = option(True, "refine the foreground by a dense conditional random field")
    crf_backend: Literal["auto", "pydensecrf", "torch"] = option(
        "auto",
        "which implementation of the random field runs; torch leaves a GUI responsive meanwhile",
        ("auto", "pydensecrf", "torch"),
    )
    tile_px: int = option(
        1024, "side of the tiles FSB sees at once, px; memory grows as its square"
    )


@dataclass(frozen=True, kw_only=True)
class PsfParameters:
    """How the point spread function is found (KEB, reblur consistency)."""

    psf: str | float = option(
        "keb+reblur", "keb, reblur, keb+reblur, or the sigma of the foreground's blur in px"
    )
    psf_shape: Literal["auto", "gaussian", "disk"] = option(
        "auto",
        "shape of the PSF; auto takes what explains the planes better",
        ("auto", "gaussian", "disk"),
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
class FuseParameters(InputParameters, SegmentationParameters, PsfParameters, EliminationParameters):
    """All parameters of :func:`napari_focusstack.fuse`."""

    def __post_init__(self) -> None:
        """Check each choice.

        Raises
        ------
        InputError
            If a value is none of the choices.
        """
        for each in fields(self):
            value, choices = getattr(self, each.name), each.metadata["choices"]
            if choices and value not in choices:
                raise InputError(f"{each.name} is {value!r}; choose one of {', '.join(choices)}.")
        if self.tile_px < 64:
            raise InputError(f"tile_px is {self.tile_px}; give at least 64.")
