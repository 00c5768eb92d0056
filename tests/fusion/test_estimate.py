"""An estimate as a file: it comes back bit for bit."""

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.estimate import Estimate, labels_in
from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.registration.transforms import Registration
from napari_focusstack.segmentation.focus_map import FocusMap

SIZE = (40, 56)


def estimate(planes):
    """Return an estimate of random depths with soft edges."""
    random = torch.Generator().manual_seed(0)
    alpha = torch.rand(1, *SIZE, generator=random)
    if planes == 2:
        focus = FocusMap.of_pair(alpha)
    else:
        front = 1 + (planes - 2) * torch.rand(1, *SIZE, generator=random)
        behind = torch.where(alpha < 0.3, front + 1, front)
        places = (1.0, *(1.5 + number for number in range(planes - 2)), float(planes))
        focus = FocusMap(front, behind, alpha, planes, alpha / 3, places)
    settings = FuseParameters(psf="reblur", near="auto")
    psf = Psf(2.5, 2.25, "disk", Breathing(1.01, (0.1, -0.3)), 0.01, curve=((1.0, 0.3), (2.0, 0.1)))
    moved = Registration.identity(planes, SIZE, reason="tried")
    return Estimate(
        focus, "last", moved, psf, settings, settings, {"deb": "d" * 64}, "torch", "why"
    )


@pytest.mark.parametrize("planes", [2, 5, 300])
def test_an_estimate_comes_back_from_its_file_bit_for_bit(planes):
    made = estimate(planes)
    again = Estimate.from_bytes(made.to_bytes())
    assert again.focus == made.focus
    assert again.focus.places == made.focus.places
    names = "near", "registration", "psf", "psf_parameters", "weights", "crf_backend", "plain"
    for name in names:
        assert getattr(again, name) == getattr(made, name)


@pytest.mark.parametrize("planes", [2, 5, 300])
def test_the_labels_of_an_estimate_are_read_alone(planes):
    made = estimate(planes)
    labels, count, near = labels_in(made.to_bytes())
    np.testing.assert_array_equal(labels, made.focus.labels)
    assert (labels.dtype, count, near) == (made.focus.labels.dtype, planes, "last")


def test_a_blur_serves_only_the_settings_with_which_it_was_estimated():
    made = estimate(2)
    assert made.has_psf_for(FuseParameters(psf="reblur", elimination="subtract"))
    assert not made.has_psf_for(FuseParameters(psf=2.0))


def test_a_damaged_estimate_is_refused_with_advice():
    data = estimate(2).to_bytes()
    for damaged in (data[:200], data[: len(data) // 2], b"no archive"):
        with pytest.raises(InputError, match="run all anew"):
            Estimate.from_bytes(damaged)
