"""Luminance of linear light (ITU-R BT.709)."""

import pytest
import torch

from napari_focusstack.imaging.luminance import luminance


def test_primaries_have_the_weights_of_the_standard():
    primaries = torch.eye(3)[:, :, None]  # pixel n is primary n, (3, Y, X)
    assert luminance(primaries).flatten().tolist() == pytest.approx([0.2126, 0.7152, 0.0722])


def test_grey_is_its_own_luminance():
    light = torch.full((2, 3, 4, 5), 0.3)
    torch.testing.assert_close(luminance(light), torch.full((2, 1, 4, 5), 0.3))
