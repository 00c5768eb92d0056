"""Walking the transition region: what is computed, and what stays as it was."""

import math

import numpy as np
import pytest
import torch

from napari_focusstack.elimination import blockwise as elimination
from napari_focusstack.elimination.alpha_matting import refine_alpha
from napari_focusstack.elimination.blockwise import eliminate
from napari_focusstack.elimination.diffusion import transition_region, unmix
from napari_focusstack.elimination.occluders import quantize_distances
from napari_focusstack.errors import InputError
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.runtime.threads import worker_count
from napari_focusstack.segmentation.depth_inpainting import UNRELIABLE_RADIUS_PX
from napari_focusstack.segmentation.focus_map import FocusMap


@pytest.fixture
def walk(light_of):
    """Eliminate the halo of a pair."""

    def eliminated(near, far, alpha, *args, **options):
        return eliminate(light_of([near, far]), FocusMap.of_pair(alpha), *args, **options)

    return eliminated


def region_of(scene, sigma_px, shape="gaussian"):
    return transition_region(scene.alpha, blur(scene.alpha, sigma_px, shape))[0]


def assembled(blocks, near, far, alpha):
    """Source pixels with the blocks of the transition region put in, as fuse() does."""
    image = torch.where(alpha > 0.5, near, far)
    for where, region, light, _ in blocks:
        image[:, *where][:, region] = light
    return image


@pytest.mark.parametrize("method", ["unmix", "subtract"])
@pytest.mark.parametrize("shape", ["gaussian", "disk"])
def test_blocks_give_what_the_whole_image_gives(make_scene, monkeypatch, method, shape, walk):
    scene = make_scene(2.0, softness=3.0, side=128)
    args = scene.near, scene.far, scene.alpha
    psf = Psf(2.0, 2.6, shape)
    results = []
    for block_px in (24, 10_000):
        monkeypatch.setattr(elimination, "BLOCK_PX", block_px)
        blocks = list(walk(*args, psf, method))
        results.append((len(blocks), assembled(blocks, *args)))
    (many, in_blocks), (one, whole) = results
    assert one == 1
    assert many > 8
    torch.testing.assert_close(in_blocks, whole, atol=1e-6, rtol=0)


def test_the_blocks_hold_the_transition_region_and_nothing_else(make_scene, monkeypatch, walk):
    monkeypatch.setattr(elimination, "BLOCK_PX", 32)
    scene = make_scene(2.0)
    marked = torch.zeros(scene.alpha.shape[1:], dtype=torch.bool)
    for where, region, light, evidence in walk(scene.near, scene.far, scene.alpha, Psf(2.0)):
        assert light.shape == (3, int(region.sum()))
        assert evidence.shape == (6, int(region.sum()))
        assert not marked[where].any()
        marked[where] = region
    assert torch.equal(marked, region_of(scene, 2.0))


def test_pixels_far_from_the_foreground_are_not_touched(make_scene, walk):
    scene = make_scene(2.0, side=128)
    args = scene.near, scene.far, scene.alpha
    image = assembled(walk(*args, Psf(2.0)), *args)
    y, x = np.indices((128, 128)) - 63.5
    beyond = torch.from_numpy(np.hypot(y, x) > 32 * 1.12 + 8)  # 4 sigma from the outermost edge
    inside = torch.from_numpy(np.hypot(y, x) < 32 * 0.88 - 1)
    assert torch.equal(image[:, beyond], scene.far[:, beyond])
    assert torch.equal(image[:, inside], scene.near[:, inside])


def test_the_work_follows_the_length_of_the_boundary_not_the_area(monkeypatch, walk):
    monkeypatch.setattr(elimination, "BLOCK_PX", 32)
    counts = []
    for side in (256, 512):
        alpha = (torch.arange(side) < side // 2 - 16).float().expand(1, side, side)
        plane = torch.zeros(1, side, side)
        counts.append(sum(1 for _ in walk(plane, plane, alpha, Psf(2.0))))
    assert counts == [256 // 32, 512 // 32]  # one row of blocks along a straight edge


def test_a_mask_of_one_kind_leaves_nothing_to_do(walk):
    plane = torch.rand(3, 64, 64)
    for value in (0.0, 1.0):
        assert list(walk(plane, plane, torch.full((1, 64, 64), value), Psf(2.0))) == []


def test_method_none_computes_nothing_and_an_unknown_one_is_refused(make_scene, walk):
    scene = make_scene(2.0)
    args = scene.near, scene.far, scene.alpha, Psf(2.0)
    assert list(walk(*args, method="none")) == []
    with pytest.raises(InputError, match="'inpaint'"):
        list(walk(*args, method="inpaint"))


@pytest.mark.parametrize("sigma_px", [0.0, -2.0, math.nan])
def test_a_sigma_that_is_no_positive_number_is_refused(make_scene, sigma_px, walk):
    scene = make_scene(2.0)
    with pytest.raises(InputError, match=f"sigma_px is {sigma_px}"):
        list(walk(scene.near, scene.far, scene.alpha, Psf(sigma_px)))


def computed(blocks, size):
    """Light (3, Y, X) that was computed, and where."""
    image, marked = torch.zeros(3, *size), torch.zeros(size, dtype=torch.bool)
    for where, region, light, _ in blocks:
        image[:, *where][:, region] = light
        marked[where] |= region
    return image, marked


def test_planes_far_apart_are_a_pair_with_a_wider_blur(make_scene, walk, light_of):
    """A blur of 3 px over three plane steps is that of a pair one step apart."""
    scene = make_scene(3.0, side=128)
    stack = FocusMap.of_labels(np.where(scene.mask, 1, 4), 4, (128, 128))
    alpha = stack.occluding_alpha(4)
    unseen = torch.full_like(scene.near, torch.nan)
    per_step = 3 / float(quantize_distances(torch.tensor(3.0), 1.0))
    for method in ("unmix", "subtract"):
        expected, region = computed(
            walk(scene.near, scene.far, alpha, Psf(3.0, 3.0), method), (128, 128)
        )
        planes = light_of([scene.near, unseen, unseen, scene.far])
        found, marked = computed(
            eliminate(planes, stack, Psf(per_step, per_step), method), (128, 128)
        )
        assert torch.equal(marked, region)
        torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def test_the_transition_region_widens_with_the_distance(light_of):
    """Beside a straight edge the region ends where the tail of the Gaussian falls below TAIL."""
    widths = []
    for behind in (2, 3, 5):
        labels = np.where(np.arange(160) < 60, 1, behind) * np.ones((64, 1), int)
        planes = torch.rand(5, 1, 64, 160, generator=torch.Generator().manual_seed(0))
        focus = FocusMap.of_labels(labels, 5, labels.shape)
        _, region = computed(eliminate(light_of(planes), focus, Psf(4.0)), labels.shape)
        widths.append(int(region[32, 60:].sum()))
        assert not region[:, :59].any()
    tails = [
        2.88 * 4.0 * float(quantize_distances(torch.tensor(step), 4.0)) for step in (1.0, 2.0, 4.0)
    ]
    assert widths == pytest.approx(tails, abs=1.5)


def test_a_surface_between_planes_is_blurred_by_its_own_distance(light_of):
    """What lies at 1.5 is one plane and a half before plane 3."""
    widths = []
    for front in (1.0, 1.5, 2.0):
        depth = torch.full((1, 64, 160), 3.0)
        depth[:, :, :60] = front
        planes = torch.rand(3, 1, 64, 160, generator=torch.Generator().manual_seed(0))
        focus = FocusMap.of_depth(depth, 3)
        _, region = computed(eliminate(light_of(planes), focus, Psf(4.0)), (64, 160))
        widths.append(int(region[32, 60:].sum()))
    wide, middle, narrow = widths
    assert wide > middle > narrow
    assert middle == pytest.approx(1.5 * narrow, abs=2)


def test_where_depth_is_unreliable_nothing_is_computed(light_of):
    depth = torch.full((1, 128, 96), 4.0)
    depth[:, :, :40] = 1.0
    sure = torch.full_like(depth, 0.1)
    sure[:, :64] = 0.9
    planes = torch.rand(4, 1, 128, 96, generator=torch.Generator().manual_seed(0))
    focus = FocusMap.of_depth(depth, 4, sure)
    _, region = computed(eliminate(light_of(planes), focus, Psf(2.0)), (128, 96))
    assert region[:64].any(1).all()
    assert not region[64 + UNRELIABLE_RADIUS_PX :].any()


def test_a_slope_is_not_before_itself(light_of):
    depth = torch.linspace(1, 6, 240).repeat(1, 48, 1)
    planes = torch.rand(6, 1, 48, 240, generator=torch.Generator().manual_seed(0))
    assert list(eliminate(light_of(planes), FocusMap.of_depth(depth, 6), Psf(1.0))) == []


def test_only_planes_that_are_in_focus_or_occlude_are_read(make_scene, light_of):
    """Planes 2, 3 and 5 are in focus nowhere: what they show is not looked at."""
    scene = make_scene(2.0)
    labels = np.where(scene.mask, 1, 4)
    blocks = eliminate(
        light_of([scene.near, None, None, scene.far]),
        FocusMap.of_labels(labels, 5, labels.shape),
        Psf(0.8),
    )
    assert computed(blocks, labels.shape)[1].any()


@pytest.mark.parametrize("workers", [1, 2])
def test_where_memory_runs_out_a_block_is_cut_and_nothing_is_lost(
    make_scene, monkeypatch, walk, workers
):
    scene = make_scene(2.0, softness=3.0, side=256)
    args = scene.near, scene.far, scene.alpha
    expected, region = computed(walk(*args, Psf(2.0, 2.6)), (256, 256))
    solve, tried = elimination._solve_block, []

    def of_block(*arguments):
        rows, columns = arguments[-1]
        tried.append((rows.stop - rows.start) * (columns.stop - columns.start))
        if tried[-1] > 128 * 128:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return solve(*arguments)

    monkeypatch.setattr(elimination, "_solve_block", of_block)
    monkeypatch.setattr(elimination, "worker_count", lambda *_: workers)
    found, marked = computed(walk(*args, Psf(2.0, 2.6)), (256, 256))
    assert max(tried) == 256 * 256
    assert tried.count(128 * 128) == 4
    assert torch.equal(marked, region)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_blocks_at_a_time_fit_into_the_memory_and_change_no_bit(make_scene, monkeypatch, walk):
    monkeypatch.setattr(elimination, "BLOCK_PX", 64)
    scene = make_scene(2.0, side=128)
    args, psf = (scene.near, scene.far, scene.alpha), Psf(2.0, 2.6)
    workers = []

    def count(device, budget_bytes, bytes_each):
        workers.append(worker_count(device, budget_bytes, bytes_each))
        return workers[-1]

    monkeypatch.setattr(elimination, "worker_count", count)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    of_block = elimination.block_bytes(FocusMap.of_pair(scene.alpha), psf)
    few, many = (
        computed(walk(*args, psf, budget_bytes=budget), (128, 128)) for budget in (1, 2 * of_block)
    )
    assert workers == [1, 2]
    assert all(map(torch.equal, few, many))


SIDE = 128


def test_blocks_see_the_motion_of_the_whole_image(make_scene, monkeypatch, light_of):
    monkeypatch.setattr(elimination, "BLOCK_PX", 96)
    scene = make_scene(2.0, side=2 * SIDE)
    psf = Psf(2.0, 2.0, breathing=Breathing(1.02, (1.0, 1.0)))
    origins = [tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])]
    near, far, alpha = scene.near[None], scene.far[None], scene.alpha[None]
    whole = unmix(near, far, refine_alpha(near, alpha), psf, origins).light[0]
    light = light_of([scene.near, scene.far])
    blocks = 0
    for where, region, found, _ in eliminate(light, FocusMap.of_pair(scene.alpha), psf):
        assert torch.allclose(found, whole[:, *where][:, region], atol=1e-4)
        blocks += 1
    assert blocks > 1
