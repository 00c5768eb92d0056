"""Parameters say what they are for, and refuse what they are not."""

from dataclasses import FrozenInstanceError, asdict, fields

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters


def test_the_defaults_are_those_of_the_documentation():
    assert asdict(FuseParameters()) == {
        "intensity": "auto",
        "near": "auto",
        "planes": None,
        "z_step": 0.0,
        "register": "auto",
        "register_model": "similarity",
        "equalize": "auto",
        "device": "auto",
        "fsb_weights": None,
        "deb_weights": None,
        "meb_weights": None,
        "crf": True,
        "crf_backend": "auto",
        "tile_px": 1024,
        "blend": "seams",
        "seb_weights": None,
        "psf": "keb+reblur",
        "psf_shape": "auto",
        "keb_weights": None,
        "elimination": "unmix",
        "teb_weights": None,
        "crop": False,
    }


def test_every_parameter_has_a_help_text_and_a_default_among_its_choices():
    for each in fields(FuseParameters):
        assert len(each.metadata["help"]) > 10, each.name
        choices = each.metadata["choices"]
        assert not choices or each.default in choices


def test_parameters_make_themselves_again():
    parameters = FuseParameters(psf=3.5, near="last", elimination="subtract", tile_px=256)
    assert FuseParameters(**asdict(parameters)) == parameters


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("intensity", "gamma"),
        ("near", "middle"),
        ("psf_shape", "square"),
        ("elimination", "inpaint"),
        ("elimination", None),
    ],
)
def test_a_value_that_is_no_choice_is_refused_with_the_choices(option, value):
    with pytest.raises(InputError, match=f"{option} is {value!r}; choose one of "):
        FuseParameters(**{option: value})


@pytest.mark.parametrize("tile_px", [63, 0, -1024])
def test_a_tile_too_small_to_see_anything_is_refused(tile_px):
    with pytest.raises(InputError, match=f"tile_px is {tile_px}; give at least 64"):
        FuseParameters(tile_px=tile_px)


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("tile_px", "abc", "a whole number"),
        ("tile_px", None, "a whole number"),
        ("tile_px", [1], "a whole number"),
        ("tile_px", 1e3 + 0.5, "a whole number"),
        ("z_step", "x", "a number"),
        ("z_step", None, "a number"),
        ("z_step", True, "a number"),
        ("z_step", float("inf"), "a distance"),
        ("z_step", float("nan"), "a distance"),
        ("z_step", 1e308, "a distance"),
        ("z_step", -1, "a distance"),
        ("crf", "yes", "True or False"),
        ("psf", None, "a method, or a number"),
        ("device", 0, "text"),
        ("seb_weights", 3, "a file, or None"),
        ("blend", ["none"], "one of"),
    ],
)
def test_a_value_of_another_kind_is_refused(option, value, wanted):
    with pytest.raises(InputError, match=rf"{option} is .*; (give|choose) {wanted}"):
        FuseParameters(**{option: value})


def test_an_unknown_option_is_refused_with_its_name():
    with pytest.raises(TypeError, match="sharpen"):
        FuseParameters(sharpen=True)


def test_parameters_do_not_change():
    with pytest.raises(FrozenInstanceError):
        FuseParameters().near = "last"
