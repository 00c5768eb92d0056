"""Breathing: the foreground moves between the planes."""

import pytest
import torch

from napari_focusstack.imaging.breathing import Breathing

SIDE = 128
CENTRE = [(-(SIDE - 1) / 2, -(SIDE - 1) / 2)]


def spot(row, column, sigma_px=3.0):
    """A Gaussian spot, (1, 1, SIDE, SIDE)."""
    place = torch.arange(SIDE, dtype=torch.float32)
    profile = torch.exp(-(((place[:, None] - row) ** 2 + (place - column) ** 2) / 2 / sigma_px**2))
    return profile[None, None]


def test_nothing_moves_by_default():
    layer = spot(40, 50)
    assert Breathing().move(layer, CENTRE) is layer
    assert Breathing().reach_px((2048, 2048)) == 0


def test_a_shift_moves_rows_and_columns():
    moved = Breathing(shift_px=(4.0, -6.0)).move(spot(40, 50), CENTRE)
    assert torch.allclose(moved, spot(44, 44), atol=2e-3)


def test_a_magnification_moves_away_from_the_centre_and_widens():
    moved = Breathing(magnification=1.2).move(spot(43.5, 83.5), CENTRE)
    # 20 px above and right of the centre at 63.5 become 24 px.
    assert torch.allclose(moved, spot(39.5, 87.5, sigma_px=3.6), atol=0.02)


def test_a_piece_moves_as_it_does_in_the_whole_image():
    breathing = Breathing(1.05, (1.5, -2.0))
    layer = spot(50, 70, sigma_px=8.0)
    whole = breathing.move(layer, CENTRE)
    piece = breathing.move(layer[..., 20:100, 30:120], [(CENTRE[0][0] + 20, CENTRE[0][1] + 30)])
    assert torch.allclose(piece[..., 10:-10, 10:-10], whole[..., 30:90, 40:110], atol=1e-5)


def test_nothing_moves_further_than_is_said():
    breathing = Breathing(1.1, (3.0, 4.0))
    assert breathing.reach_px((60, 80)) >= 0.1 * 50 + 5


def test_a_signed_layer_keeps_its_sign():
    moved = Breathing(shift_px=(2.0, 0.0)).move(-spot(40, 50), CENTRE)
    assert float(moved.min()) == pytest.approx(-1, abs=0.01)
