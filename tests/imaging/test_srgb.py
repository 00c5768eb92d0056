"""The sRGB transfer curve against values of the standard."""

import pytest
import torch

from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear


def test_srgb_has_the_values_of_the_standard():
    coded = torch.tensor([0.0, 0.04045, 0.5, 188 / 255, 1.0])
    light = torch.tensor([0.0, 0.04045 / 12.92, 0.2140411, 0.5028865, 1.0])
    torch.testing.assert_close(srgb_to_linear(coded), light, atol=1e-6, rtol=0)
    torch.testing.assert_close(linear_to_srgb(light), coded, atol=1e-6, rtol=0)


def test_srgb_there_and_back_changes_nothing_and_keeps_order():
    coded = torch.linspace(0, 1, 4096)
    light = srgb_to_linear(coded)
    assert (light.diff() > 0).all()
    torch.testing.assert_close(linear_to_srgb(light), coded, atol=1e-6, rtol=0)


def test_gradients_pass_through_srgb_at_black():
    light = torch.zeros(3, requires_grad=True)
    linear_to_srgb(light).sum().backward()
    assert light.grad.tolist() == pytest.approx([12.92] * 3)
