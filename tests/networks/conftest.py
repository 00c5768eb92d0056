import pytest
import torch

from napari_focusstack.imaging.blur import blur


@pytest.fixture(scope="session")
def sharp_and_blurred():
    """Plane 0 sharp, plane 1 blurred: (1, 2, 3, 64, 64)."""
    sharp = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    return torch.stack([sharp, blur(sharp, 2.0)], 1)
