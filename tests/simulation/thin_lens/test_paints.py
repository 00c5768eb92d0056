"""What surfaces are painted with."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.paints import blank, lights, pattern, torch_generator


@pytest.mark.parametrize("paint", [blank, pattern])
def test_paint_is_light_of_three_colours_and_follows_the_seed(paint):
    one, again = (paint(40, np.random.default_rng(3)) for _ in range(2))
    assert one.shape == (40, 40, 3)
    assert 0 <= one.min() <= one.max() <= 1
    assert np.array_equal(one, again)


def test_a_blank_paint_has_no_detail():
    plain = blank(64, np.random.default_rng(1))
    detail = np.abs(np.diff(plain, axis=0)).max()
    assert detail < 0.02


def test_lights_are_brighter_than_the_sensor_holds():
    assert lights(64, np.random.default_rng(4)).max() > 1


def test_torch_follows_the_generator_of_numpy():
    seeds = [torch_generator(np.random.default_rng(9)).initial_seed() for _ in range(2)]
    assert seeds[0] == seeds[1]
