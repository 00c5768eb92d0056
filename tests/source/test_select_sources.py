import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.imaging.blur import blur
from napari_focusstack.networks.cell_unet import Stage
from napari_focusstack.networks.coarse_cues import WIDE_CUES
from napari_focusstack.networks.seb import SURROUNDINGS
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.region import to_local
from napari_focusstack.source.noise import estimate_noise
from napari_focusstack.source.select_sources import select_sources

CPU = torch.device("cpu")
SIDE = 128


@pytest.fixture(scope="module")
def picture():
    generator = torch.Generator().manual_seed(0)
    fine = torch.rand(1, 3, SIDE, SIDE, generator=generator)
    return (0.5 * blur(fine, 1.0) + 0.5 * blur(fine, 4.0)).clamp(0, 1)


@pytest.fixture(scope="module")
def pair(picture):
    """The left half is sharp in plane 1, the right half in plane 2."""
    blurred = blur(picture, 3.0)
    left = (torch.arange(SIDE) < SIDE // 2).float()
    return [torch.lerp(a, b, left)[0] for a, b in ((blurred, picture), (picture, blurred))]


def stored(pair, dtype, *, grey=False):
    planes = [plane.permute(1, 2, 0).numpy() for plane in pair]
    planes = [plane.mean(-1) if grey else plane for plane in planes]
    top = {"uint8": 255, "uint16": 60000, "float32": 1}[dtype]
    return [(plane * top).astype(dtype) for plane in planes]


@pytest.fixture(scope="module")
def blank_beside_detail():
    """Detail of a near and of a far surface, between them much that is blank; light drifts."""
    chance = np.random.default_rng(0)
    detail = ndimage.gaussian_filter(chance.random((330, 420)), 0.7)
    detail[:, 100:320] = ndimage.gaussian_filter(chance.random((330, 220)), 20)
    planes = []
    for near_px, far_px, gain in ((0.1, 4.0, 0.8), (2.0, 2.0, 0.9), (4.0, 0.1, 1.0)):
        near, far = (ndimage.gaussian_filter(detail, sigma) for sigma in (near_px, far_px))
        planes.append(gain * np.hstack([near[:, :210], far[:, 210:]]))
    noisy = [plane + 0.004 * chance.standard_normal(plane.shape) for plane in planes]
    return [(60000 * plane).clip(0, 65535).astype(np.uint16) for plane in noisy]


def stack_of(planes, budget=2**30):
    return FocalStack(planes, "auto", CPU, budget)


def select(planes, network, blend="seams", tile_px=1024, budget=2**30):
    stack = stack_of(planes, budget)
    return run(select_sources(stack, network, estimate_noise(stack), blend, tile_px))


class Judge:
    """Stands for SEB: logs of errors are a function of the planes; notes what it is told."""

    stride = 32

    def __init__(self, logs):
        self.logs, self.told = logs, []

    def cells(self, cues):
        height, width = cues.planes[0].shape[-2:]
        return torch.zeros(1, len(cues.planes), WIDE_CUES, height // 8, width // 8)

    def stages(self, planes):
        return [Stage(lambda maps: maps.pop()[:, :SURROUNDINGS], (-1,), True, 0)]

    def decode(self, features, cues):
        planes = torch.cat([cues.planes[number] for number in range(len(cues.planes))])
        self.told.append((planes, float(cues.noise)))
        assert features[0].shape[-1] * 8 == planes.shape[-1]
        yield from self.logs(planes)[:, None]


def brightest(planes):
    best = planes.mean(1).argmax(0)
    return torch.stack([torch.where(best == n, -12.0, -4.0) for n in range(len(planes))])


def first_where_blue_is_dark(planes):
    first = planes[0, -1] < 0.5
    return torch.stack([torch.where(first, -12.0, -4.0), torch.where(first, -4.0, -12.0)])


def blank_pair(height, width, dark, bright):
    """Two blank planes whose blue, alike in both, rises from left to right."""
    planes = np.empty((2, height, width, 3), np.uint8)
    planes[0], planes[1] = dark, bright
    planes[..., 2] = np.linspace(102, 153, width).round()
    return list(planes)


@pytest.mark.parametrize(
    ("dtype", "grey"), [("uint8", False), ("uint16", False), ("uint16", True), ("float32", True)]
)
def test_the_sharp_plane_is_the_source_bit_for_bit(pair, network, dtype, grey):
    planes = stored(pair, dtype, grey=grey)
    selection = select(planes, network)
    assert (selection.source[:, :56] == 1).mean() > 0.97
    assert (selection.source[:, 72:] == 2).mean() > 0.97
    chosen = np.stack(planes)[selection.source - 1, *np.indices((SIDE, SIDE))]
    kept = ~selection.blended
    assert kept.mean() > 0.5
    assert selection.picture.dtype == planes[0].dtype
    np.testing.assert_array_equal(selection.picture[kept], chosen[kept])


def test_without_blending_all_pixels_are_source_pixels(pair, network):
    planes = stored(pair, "uint8")
    selection = select(planes, network, "none")
    assert not selection.blended.any()
    chosen = np.stack(planes)[selection.source - 1, *np.indices((SIDE, SIDE))]
    np.testing.assert_array_equal(selection.picture, chosen)


def test_averaging_marks_all_pixels(pair, network):
    assert select(stored(pair, "uint8"), network, "noise").blended.all()


@pytest.mark.parametrize("blend", ["seams", "noise"])
@pytest.mark.parametrize(("tile_px", "budget"), [(128, 2**30), (192, 2**30), (1024, 2**24)])
def test_tiles_and_memory_change_no_bit(network, blank_beside_detail, blend, tile_px, budget):
    whole = select(blank_beside_detail, network, blend)
    tiled = select(blank_beside_detail, network, blend, tile_px, budget)
    np.testing.assert_array_equal(tiled.source, whole.source)
    np.testing.assert_array_equal(tiled.blended, whole.blended)
    np.testing.assert_array_equal(tiled.picture, whole.picture)
    assert whole.blended.mean() > 0.01


def test_sides_need_not_suit_the_network():
    planes = np.random.default_rng(0).integers(0, 256, (3, 45, 70), np.uint8)
    planes = [
        blurred.astype(np.uint8)
        for blurred in blur(torch.from_numpy(planes)[None] / 1.0, 4.0)[0].numpy()
    ]
    selection = select(planes, Judge(brightest), "none")
    assert selection.source.shape == selection.picture.shape == (45, 70)
    assert (selection.source == np.argmax(planes, 0) + 1).mean() > 0.9


@pytest.mark.parametrize(("dtype", "grey"), [("uint8", False), ("uint16", True), ("float32", True)])
def test_the_network_reads_display_values_and_the_noise_of_the_stack(pair, dtype, grey):
    stack, judge = stack_of(stored(pair, dtype, grey=grey)), Judge(brightest)
    run(select_sources(stack, judge, 0.0123, "seams", 1024))
    ((seen, noise),) = judge.told
    assert seen.shape == (2, 1 if grey else 3, SIDE, SIDE)
    for number in (1, 2):
        assert torch.equal(seen[number - 1], stack.display(number, stack.full)[: seen.shape[1]])
    assert noise == pytest.approx(0.0123)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_averaging_takes_the_mean_of_the_values_as_they_are_stored(picture, dtype):
    generator = torch.Generator().manual_seed(3)
    light = 0.1 + 0.8 * blur(picture, 4.0).mean(1)
    noisy = light + 0.03 * torch.randn(9, SIDE, SIDE, generator=generator)
    planes = stored([plane.clamp(0, 1)[None] for plane in noisy], dtype, grey=True)
    alike = Judge(lambda planes: torch.full((9, *planes.shape[-2:]), -7.0))
    selection = select(planes, alike, "noise")
    top = {"uint8": 255, "uint16": 60000, "float32": 1}[dtype]
    values = selection.picture.astype(float) / top
    error = np.sqrt(np.square(values - light[0].numpy()).mean())
    assert error < 0.4 * 0.03
    assert selection.picture.dtype == dtype


def test_a_stack_of_more_than_255_planes_has_sources_of_16_bits():
    planes = np.full((258, 32, 32), 10, np.uint8)
    planes[:, 0, 0] = 11  # no plane is constant
    planes[257] += 40
    selection = select(list(planes), Judge(brightest), "none")
    assert selection.source.dtype == np.uint16
    assert (selection.source[8:, 8:] == 258).all()


@pytest.mark.parametrize("size", [(96, 401), (401, 96), (96, 416)])
def test_a_seam_is_hidden_alike_whatever_the_tiles(size):
    planes = blank_pair(*size, 100, 150)
    judge = Judge(first_where_blue_is_dark)
    whole, tiled = (select(planes, judge, tile_px=tile_px) for tile_px in (1024, 64))
    assert len(judge.told) > 4
    np.testing.assert_array_equal(tiled.source, whole.source)
    np.testing.assert_array_equal(tiled.blended, whole.blended)
    assert 0.02 < whole.blended.mean() < 0.5
    off = np.abs(tiled.picture.astype(int) - whole.picture)
    assert off.max() <= 1


@pytest.mark.parametrize(
    "name", ["surroundings.to_local", "expected_errors.to_local", "select_sources.to_local"]
)
def test_where_memory_runs_out_in_a_step_its_tile_is_cut_and_no_bit_changes(
    network, blank_beside_detail, monkeypatch, name
):
    whole = select(blank_beside_detail, network)
    attempts = []

    def fail_once(*regions):
        attempts.append(regions)
        if len(attempts) == 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return to_local(*regions)

    monkeypatch.setattr(f"napari_focusstack.source.{name}", fail_once)
    cut = select(blank_beside_detail, network)
    assert len(attempts) > 2
    np.testing.assert_array_equal(cut.source, whole.source)
    np.testing.assert_array_equal(cut.picture, whole.picture)
