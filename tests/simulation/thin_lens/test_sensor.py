"""Defects of a camera: each does what its unit says, and nothing else."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.sensor import Defects, expose


@pytest.fixture
def stack():
    import cv2

    noise = np.random.default_rng(0).random((4, 64, 64, 3)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), 2) for plane in noise])
    planes = (np.clip(0.5 + 3 * (smooth - 0.5), 0, 1) * 65535).astype(np.uint16)
    return planes, planes[0]


def photographed(stack, **defects):
    return expose(*stack, Defects(**defects), np.random.default_rng(1))


def test_no_defect_changes_nothing(stack):
    exposed = photographed(stack)
    assert np.allclose(exposed.planes * 65535, stack[0], atol=0.01)
    assert np.allclose(exposed.truth * 65535, stack[1], atol=0.01)


def test_noise_has_the_stated_spread(stack):
    exposed = photographed(stack, read_noise=0.02)
    middle = (exposed.clean > 0.2) & (exposed.clean < 0.8)
    assert (exposed.planes - exposed.clean)[middle].std() == pytest.approx(0.02, rel=0.03)
    bright = photographed(stack, shot_noise=0.02)
    difference = bright.planes - bright.clean
    light = (bright.clean > 0.6) & (bright.clean < 0.8)
    dark = (bright.clean > 0.1) & (bright.clean < 0.2)
    assert difference[light].std() > 1.5 * difference[dark].std()


def test_eight_bits_are_steps_and_jpeg_loses_more(stack):
    eight = photographed(stack, bits=8)
    steps = eight.planes * 255
    assert np.allclose(steps, steps.round(), atol=1e-3)
    lossy = photographed(stack, bits=8, jpeg_quality=60)
    assert np.abs(lossy.planes - lossy.clean).mean() > 2 * np.abs(eight.planes - eight.clean).mean()


def test_light_clips_planes_and_truth_alike(stack):
    exposed = photographed(stack, exposure=3.0)
    assert (exposed.clean > 0.9999).mean() > 0.1
    assert np.allclose(exposed.clean[0], exposed.truth)


def test_light_drifts_away_from_the_first_plane(stack):
    exposed = photographed(stack, drift_share=0.05)
    assert np.allclose(exposed.clean[0], exposed.truth, atol=1e-4)
    still = photographed(stack)
    assert np.abs(exposed.clean[3] - still.clean[3]).mean() > 0.001


def test_jitter_moves_planes_but_not_the_first(stack):
    exposed = photographed(stack, jitter_px=0.5)
    still = photographed(stack)
    assert np.allclose(exposed.clean[0], still.clean[0])
    assert np.abs(exposed.clean[1] - still.clean[1]).max() > 0.01


def test_breathing_magnifies_about_the_middle(stack):
    exposed, still = photographed(stack, breathing_share=0.05), photographed(stack)
    change = np.abs(exposed.clean[3] - still.clean[3]).mean(-1)
    assert change[30:34, 30:34].mean() < 0.3 * change[:8].mean()


def test_a_camera_without_colours_has_one_noise(stack):
    exposed = photographed(stack, grey=True, read_noise=0.02)
    assert np.ptp(exposed.planes, axis=-1).max() < 1e-3
