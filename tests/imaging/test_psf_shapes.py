"""The shapes of the PSF that can be asked for."""

from dataclasses import fields
from typing import get_args

from napari_focusstack.imaging.kernels import KERNELS
from napari_focusstack.imaging.psf_shapes import PSF_SHAPE_CHOICES, PsfShape
from napari_focusstack.parameters import FuseParameters


def test_every_shape_has_a_kernel():
    assert set(KERNELS) == set(get_args(PsfShape))


def test_the_choices_are_auto_and_every_shape():
    (choice,) = [each for each in fields(FuseParameters) if each.name == "psf_shape"]
    assert choice.metadata["choices"] == PSF_SHAPE_CHOICES == ("auto", *KERNELS)
