"""Sample stacks: each layer sharp in its plane, noise as a camera makes it, no network."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.samples import stacks as sample_stacks
from napari_focusstack.samples.drawing import blades, pebbles
from napari_focusstack.samples.specimen import sample_layers
from napari_focusstack.samples.stacks import (
    FULL_WELL,
    GAIN,
    OFFSET,
    SIZE,
    Layer,
    colour_stack,
    microscopy_stack,
    photograph,
)

SMALL = (96, 128)
WITHOUT_NETWORK = """
import socket, sys

def refuse(*args, **kwargs):
    raise OSError("the sample reached for the network")

socket.socket.connect = socket.getaddrinfo = refuse
sys.modules["pooch"] = None
from napari_focusstack.samples.pair import sample_pair
from napari_focusstack.samples.stacks import colour_stack, microscopy_stack
sample_pair((24, 32)), colour_stack((24, 32)), microscopy_stack((24, 32))
"""


def energy(image):
    """Square of the gradient."""
    return np.square(np.array(np.gradient(image.astype(float)))).sum(0)


def test_colour_stack_has_eight_8_bit_planes_each_layer_sharp_in_its_own():
    stack = colour_stack()
    covers = [blades(SIZE), sample_layers()[1], pebbles(SIZE, seed=3), np.ones(SIZE)]

    assert (stack.shape, stack.dtype) == ((8, *SIZE, 3), np.uint8)
    hidden = np.zeros(SIZE, bool)
    for alpha, sharp in zip(covers, ([0], [2], [4, 5], [7]), strict=True):
        # Inside the layer and away from the blur of those before it.
        seen = ndimage.binary_erosion(alpha > 0.99, iterations=2)
        seen &= ~ndimage.binary_dilation(hidden, iterations=20)
        contrast = [energy(plane[..., 1])[seen].mean() for plane in stack]
        assert np.argmax(contrast) in sharp
        hidden |= alpha > 0.01


def test_of_more_planes_the_nearest_and_the_farthest_layer_stay_in_the_first_and_the_last():
    size = (192, 256)
    stack = colour_stack(size, 15)
    assert stack.shape == (15, *size, 3)
    fronts = np.maximum.reduce([blades(size), sample_layers(size)[1], pebbles(size, seed=3)])
    tissue = ~ndimage.binary_dilation(fronts > 0.01, iterations=8)
    for seen, plane in ((blades(size) > 0.99, 0), (tissue, 14)):
        assert seen.sum() > 100
        assert np.argmax([energy(one[..., 1])[seen].mean() for one in stack]) == plane


def test_microscopy_stack_is_16_bit_with_noise_that_grows_as_light_does(monkeypatch):
    stack = microscopy_stack(SMALL)
    bare = np.linspace(0.05, 0.9, SMALL[0])[:, None] * np.ones(SMALL)
    monkeypatch.setattr(
        sample_stacks, "photograph", lambda scene, planes: np.stack([bare] * planes)[..., None]
    )
    noisy = microscopy_stack(SMALL).astype(float)

    assert (stack.shape, stack.dtype) == ((9, *SMALL), np.uint16)
    signal = noisy.mean((0, 2)) / GAIN - OFFSET
    variance = noisy.var((0, 2)) / GAIN**2
    np.testing.assert_allclose(signal, bare[:, 0] * FULL_WELL, rtol=0.02)
    assert np.median(variance / (signal + 36)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("make", [colour_stack, microscopy_stack])
def test_stack_is_the_same_every_time(make):
    np.testing.assert_array_equal(make((24, 32)), make((24, 32)))


def test_each_layer_is_sharp_where_its_depth_is_and_blurs_linearly_away_from_it():
    spot = np.zeros((65, 65, 1), np.float32)
    spot[32, 32] = 1

    planes = photograph([Layer(spot, np.ones((65, 65), np.float32), 1)], planes=5)[..., 0]

    y = np.arange(65) - 32
    sigma = [np.sqrt((plane.sum(1) * y**2).sum() / plane.sum()) for plane in planes]
    assert sigma == pytest.approx([0.9, 0, 0.9, 1.8, 2.7], abs=0.02)


def test_near_layer_hides_what_is_behind_it():
    near = Layer(np.full((33, 33, 1), 0.8, np.float32), np.zeros((33, 33), np.float32), 0)
    near.alpha[:, :16] = 1
    far = Layer(np.full((33, 33, 1), 0.2, np.float32), np.ones((33, 33), np.float32), 3)

    first, *_, last = photograph([near, far], planes=4)[..., 0]

    assert first[16, [15, 16]] == pytest.approx([0.8, 0.2])
    assert last[16, [2, 15, 16, 30]] == pytest.approx([0.8, 0.544, 0.456, 0.2], abs=0.01)


def test_samples_need_neither_network_nor_pooch():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
