import pytest
import torch

from napari_focusstack.filters.logarithm import log


@pytest.fixture
def values():
    return 10.0 ** torch.empty(3, 37, 41).uniform_(
        -8, 3, generator=torch.Generator().manual_seed(0)
    )


def test_it_is_that_of_torch(values):
    torch.testing.assert_close(log(values), torch.log(values), rtol=1e-6, atol=1e-6)


def test_a_part_has_the_bits_of_the_whole(values):
    whole = log(values)
    for width in (1, 7, 16, 33):
        assert torch.equal(log(values[:, 5:20, 3 : 3 + width]), whole[:, 5:20, 3 : 3 + width])


def test_gradients_pass(values):
    values.requires_grad_()
    log(values).sum().backward()
    torch.testing.assert_close(values.grad, 1 / values.detach())
