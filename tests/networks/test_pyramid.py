"""FSB at several sizes: smaller ones have their say about regions."""

import pytest
import torch

from napari_focusstack.networks.inference import segment_tiled, tile_count
from napari_focusstack.networks.pyramid import segment_pyramid


class Telling(torch.nn.Module):
    """Answers 0.6 at full size and 0.1 at any smaller one, as a network unsure of a flat region."""

    stride = reach = 8

    def __init__(self, full):
        super().__init__()
        self.full = full
        self.seen = []

    def stages(self):
        def answer(planes):
            size = planes.shape[-1]
            self.seen.append(size)
            sure = 0.6 if size >= self.full else 0.1
            return torch.logit(torch.full_like(planes[:, :1], sure))

        return [answer]


def run(network, size, tile_px=512):
    near, far = torch.rand(2, 3, *size)
    steps = segment_pyramid(network, near, far, tile_px)
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, *end.value


def test_smaller_sizes_decide_where_the_full_one_is_unsure():
    _, alpha, opinion = run(Telling(256), (256, 256))
    torch.testing.assert_close(alpha, torch.full((1, 256, 256), 0.6))
    # log-odds 0.405 of the full size, -2.197 of the mean of the smaller ones
    expected = torch.sigmoid(torch.tensor(0.4055 - 2.1972)).expand(1, 256, 256)
    torch.testing.assert_close(opinion, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("size", "seen"), [((256, 256), [256, 128, 64]), ((200, 320), [320, 160]), ((64, 96), [96])]
)
def test_planes_are_halved_down_to_64_px(size, seen):
    network = Telling(0)
    run(network, size)
    assert network.seen == seen


def test_without_a_smaller_size_the_opinion_is_the_answer():
    _, alpha, opinion = run(Telling(0), (64, 96))
    torch.testing.assert_close(opinion, alpha)


def test_odd_sides_come_back_whole():
    _, alpha, opinion = run(Telling(0), (131, 259))
    assert alpha.shape == opinion.shape == (1, 131, 259)


def test_progress_counts_the_tiles_of_all_sizes():
    told, _, _ = run(Telling(0), (256, 256), tile_px=128)
    tiles = [step.done for step in told]
    assert tiles == sorted(tiles)
    assert (told[-1].done, told[-1].total) == (4 + 1 + 1, 6)


def test_tiles_are_counted_as_they_are_cut():
    plane = torch.rand(3, 100, 130)
    steps = segment_tiled(Telling(0), plane, plane, 64)
    done = [step.done for step in steps]
    assert tile_count(plane, 64) == done[-1] == 6
