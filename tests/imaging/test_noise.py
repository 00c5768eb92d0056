"""Noise is what planes show where they show least."""

import pytest
import torch

from napari_focusstack.imaging.noise import LEAST_NOISE, NOISE_GAIN, noise_level


def test_noise_is_measured_by_its_standard_deviation():
    flat = torch.full((1, 3, 1, 256, 256), 0.5)
    noise = torch.randn(flat.shape, generator=torch.Generator().manual_seed(1))
    found = float(noise_level(flat + 0.02 * noise))
    assert found == pytest.approx(0.02 * NOISE_GAIN, rel=0.2)
    assert float(noise_level(flat)) == pytest.approx(LEAST_NOISE)


@pytest.mark.parametrize("spread", [0.01, 0.03])
def test_noise_is_found_on_blank_stacks(spread):
    generator = torch.Generator().manual_seed(2)
    grey = spread * torch.randn(1, 4, 1, 128, 128, generator=generator)
    found = noise_level((0.5 + grey).expand(-1, -1, 3, -1, -1))
    assert found.item() == pytest.approx(spread * NOISE_GAIN, rel=0.2)
