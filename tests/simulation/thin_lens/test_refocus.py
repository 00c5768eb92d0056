"""Refocusing: views are moved and averaged."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.refocus import Refocuser, even_offsets, optics_mtf


def test_offsets_lie_evenly_within_a_pixel():
    offsets = even_offsets(64, np.random.default_rng(0))
    assert offsets.shape == (64, 2)
    assert np.abs(offsets).max() <= 0.5
    assert np.abs(offsets.mean(0)).max() < 0.1


def test_optics_pass_the_mean_and_dampen_detail():
    mtf = optics_mtf(32, 0.8)
    assert mtf.flat[0] == pytest.approx(1.0)
    assert np.abs(mtf).max() <= 1 + 1e-6
    assert np.abs(mtf)[16, 0] < 0.2


def test_views_that_are_moved_back_agree():
    generator = np.random.default_rng(1)
    side, smooth = 48, np.fft.fft2(generator.random((48, 48)))
    rows, columns = (np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    smooth *= np.exp(-60 * (rows**2 + columns**2))
    scene = np.real(np.fft.ifft2(smooth)).astype(np.float32)[..., None].repeat(3, -1)
    moved = [np.roll(scene, step, (0, 1)) for step in ((0, 0), (2, -1), (-2, 1))]
    refocuser = Refocuser(side, 0.0, scene.mean((0, 1)))
    shifts = [
        np.tile(np.array(step, float)[::-1], (1, 3, 1)) for step in ((0, 0), (2, -1), (-2, 1))
    ]
    backward, forward = (
        refocuser.mean(iter(moved), [sign * shift for shift in shifts])[0] for sign in (-1, 1)
    )
    inner = slice(8, -8)
    errors = [np.abs(one - scene)[inner, inner].max() for one in (backward, forward)]
    assert min(errors) < 0.2 * max(errors)
