"""A scene is taken each time in another way, and its truth goes with it."""

import pytest
import torch

from napari_focusstack.simulation import augmentation as stack_examples
from napari_focusstack.simulation.augmentation import StackExample, augment, render_pair

PLANES, SIDE = 10, 64


def scene():
    """Plane p is (p + 1) / 20 in grey; depth rises to the right, and half of it is 2 in front."""
    planes = (torch.arange(PLANES) + 1.0)[:, None, None, None].expand(-1, 3, SIDE, SIDE) / 20
    behind = torch.linspace(0, PLANES - 1, SIDE).expand(SIDE, SIDE)
    alpha = (torch.arange(SIDE) >= SIDE // 2).float()[:, None].expand(SIDE, SIDE)
    return StackExample(planes, torch.stack([alpha, (behind - 2).clamp(min=0), behind]))


def many(step, count=200):
    return [step(scene(), torch.Generator().manual_seed(seed)) for seed in range(count)]


def test_a_stack_has_choose_planes_in_their_order_and_its_depth_counts_them():
    original, lengths, strides = scene(), set(), set()
    for taken in many(stack_examples._choose_planes):
        kept = (taken.planes[:, 0, 0, 0] * 20).round() - 1
        (stride,) = set(kept.diff().tolist())
        lengths.add(len(kept))
        strides.add(stride)
        expected = ((original.layered_depth[1:] - kept[0]) / stride).clamp(0, len(kept) - 1)
        torch.testing.assert_close(taken.layered_depth[1:], expected)
        assert torch.equal(taken.layered_depth[0], original.layered_depth[0])
        assert len(kept) == 2 or stride in (1, 2)
    assert lengths == set(range(2, 11))
    assert strides == set(range(1, 7))


def test_a_pair_is_a_stack_of_two_planes_at_several_sizes(bundled_pictures):
    material, sides = bundled_pictures, set()
    for seed in range(8):
        pair = render_pair(material, torch.Generator().manual_seed(seed))
        sides.add(pair.planes.shape[-1])
        assert pair.planes.shape[:2] == (2, 3)
        alpha, front, behind = pair.layered_depth
        assert 0 <= float(alpha.min()) <= float(alpha.max()) <= 1
        assert not front.any()
        assert torch.equal(behind, torch.ones_like(alpha))
        assert torch.equal(pair.depth, (alpha <= 0.5).float())
    assert len(sides) > 2


def test_a_part_is_enlarged_with_its_truth():
    marked = scene()
    planes = marked.layered_depth[2] / 9  # planes that show their own depth
    sides = set()
    for seed in range(60):
        part = stack_examples._crop(
            StackExample(planes.expand(4, 3, -1, -1), marked.layered_depth),
            torch.Generator().manual_seed(seed),
        )
        assert part.planes.shape == (4, 3, SIDE, SIDE)
        shown = 9 * part.planes[0, 0]
        # nearest neighbours are at most half a source pixel off, and bicubic ends overshoot
        assert float((shown - part.layered_depth[2]).abs().max()) < 0.25
        sides.add(round(float(part.layered_depth[2, 0, -1] - part.layered_depth[2, 0, 0])))
    assert sides == {4, 6, 9}  # planes that half, two thirds and all of the side span


def test_turning_turns_planes_and_truth_alike():
    planes = torch.rand(4, 3, SIDE, SIDE)
    ways = set()
    for seed in range(60):
        turned = stack_examples._flip(
            StackExample(planes, planes[0]), torch.Generator().manual_seed(seed)
        )
        assert torch.equal(turned.planes[0], turned.layered_depth)
        ways.add(float(turned.planes[0, 0, 0, 0]) + 2 * float(turned.planes[0, 0, 0, 1]))
    assert len(ways) == 8


def test_a_photograph_is_a_little_different_each_time_and_never_out_of_range():
    planes = 0.2 + 0.6 * torch.rand(4, 3, SIDE, SIDE)
    off, grey, eight_bits = [], 0, 0
    for seed in range(200):
        photo = stack_examples._add_defects(planes, torch.Generator().manual_seed(seed))
        assert photo.shape == planes.shape
        assert 0 <= float(photo.min()) <= float(photo.max()) <= 1
        off.append(float((photo - planes).abs().mean()))
        grey += bool((photo.mean(1) - photo[:, 0]).abs().mean() < 0.012)
        eight_bits += torch.allclose(photo * 255, (photo * 255).round(), atol=1e-3)
    assert min(off) < 0.003
    assert 0.02 < sum(off) / len(off) < 0.15
    assert 30 < grey < 70  # a quarter
    assert eight_bits == pytest.approx(140, abs=25)


def test_flat_planes_keep_their_order_of_brightness_but_for_noise():
    for seed in range(40):
        photo = stack_examples._add_defects(scene().planes, torch.Generator().manual_seed(seed))
        level = photo.mean((1, 2, 3))
        assert float(level[-1]) > float(level[0])


def test_a_seed_takes_the_same_stack():
    one, two, other = (augment(scene(), torch.Generator().manual_seed(seed)) for seed in (4, 4, 5))
    assert torch.equal(one.planes, two.planes)
    assert torch.equal(one.layered_depth, two.layered_depth)
    assert one.planes.shape != other.planes.shape or not torch.equal(one.planes, other.planes)


def test_depth_is_that_of_what_covers_most():
    layered = torch.tensor([[0.4, 0.6], [1.0, 1.0], [5.0, 5.0]])[:, None]
    assert StackExample(torch.zeros(6, 3, 1, 2), layered).depth.tolist() == [[5.0, 1.0]]
