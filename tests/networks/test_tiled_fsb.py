"""Devices by name, and tiles that leave no trace."""

import contextlib

import pytest
import torch

from napari_focusstack.networks import tiled_fsb as inference
from napari_focusstack.networks import weights
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.tiled_fsb import Progress, segment_tiled
from napari_focusstack.runtime.region import pad


@pytest.fixture(scope="module")
def network():
    """An FSB whose answers spread over 0..1, so that a seam would show."""
    torch.manual_seed(3)
    small = FSB(width=8, down=(2, 4)).eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        small.head[4].weight.mul_(3)
    return small


@pytest.fixture
def float32(monkeypatch):
    monkeypatch.setattr(inference, "autocast", lambda device: contextlib.nullcontext())


def pair(height, width, seed=0):
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed))


def run(network, near, far, tile_px, budget_bytes=2**30):
    steps = segment_tiled(network, near, far, tile_px, budget_bytes)
    yielded = []
    while True:
        try:
            yielded.append(next(steps))
        except StopIteration as end:
            return end.value, yielded


# 144 x 200 fills whole cells of the coarsest scale; the others do not.
SIZES = pytest.mark.parametrize("size", [(144, 200), (131, 199), (97, 150)])


@SIZES
@pytest.mark.usefixtures("float32")
def test_tiles_leave_no_trace(network, size):
    near, far = pair(*size)
    whole, _ = run(network, near, far, 1000)
    tiled, _ = run(network, near, far, 64)
    assert whole.shape == (1, *size)
    assert float(whole.std()) > 0.1
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


@SIZES
def test_labels_do_not_depend_on_tiles_at_the_precision_of_the_machine(network, size):
    near, far = pair(*size)
    whole, tiled = (run(network, near, far, tile_px)[0] for tile_px in (1000, 64))
    undecided = (whole - 0.5).abs() < 0.02  # a rounding away from either
    assert float(undecided.float().mean()) < 0.2
    assert torch.equal((tiled > 0.5)[~undecided], (whole > 0.5)[~undecided])


@pytest.mark.usefixtures("float32")
def test_the_image_is_segmented_as_the_network_does_on_its_own(network):
    near, far = pair(64, 96)
    with torch.no_grad():
        expected = network(torch.cat([near, far])[None])[0]
    torch.testing.assert_close(run(network, near, far, 1000)[0], expected, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("float32")
def test_an_image_smaller_than_a_cell_of_the_coarsest_scale_works():
    torch.manual_seed(0)
    coarse = FSB(width=8, down=(2, 32)).eval()
    alpha, _ = run(coarse, *pair(16, 17), 64)
    assert alpha.shape == (1, 16, 17)
    assert torch.isfinite(alpha).all()


def test_progress_counts_the_tiles_and_may_stop_at_any(network):
    near, far = pair(100, 130)
    _, yielded = run(network, near, far, 64)
    assert list(dict.fromkeys(yielded)) == [Progress("segment", i, 6) for i in range(7)]
    assert len(yielded) == 6 * (len(network.stages()) + 1)
    steps = segment_tiled(network, near, far, 64, 2**30)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_tiles_with_their_margins_fit_into_the_budget(network, monkeypatch):
    near, far = pair(300, 400)
    sizes = []
    monkeypatch.setattr(inference, "pad", lambda *part: sizes.append(pad(*part)) or sizes[-1])
    budget = 10**8
    _, yielded = run(network, near, far, 1000, budget)
    assert yielded[-1].total > 1
    areas = [(rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in sizes]
    assert max(areas) * inference.BYTES_PER_PIXEL <= budget


def test_the_least_memory_is_that_of_the_shipped_network():
    shipped = weights.load("fsb", torch.device("cpu"))[0]
    assert shipped.receptive_radius_px == inference.SHIPPED_RADIUS_PX
    assert shipped.stride == inference.SHIPPED_STRIDE


@pytest.mark.usefixtures("float32")
def test_a_tile_in_which_memory_runs_out_is_cut_and_nothing_is_lost(network, monkeypatch):
    near, far = pair(128, 200)
    whole, _ = run(network, near, far, 1000)
    sigmoid, asked = torch.sigmoid, []

    def ask(state):
        asked.append(state.shape)
        if len(asked) == 1:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return sigmoid(state)

    monkeypatch.setattr(torch, "sigmoid", ask)
    cut, yielded = run(network, near, far, 1000)
    assert len(asked) == 3
    assert yielded[-1] == Progress("segment", 2, 2)
    torch.testing.assert_close(cut, whole, atol=1e-5, rtol=0)
