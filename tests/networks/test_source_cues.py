import pytest
import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.networks.coarse_cues import WIDE_CUES
from napari_focusstack.networks.finest_cues import FINEST_CUES
from napari_focusstack.networks.source_cues import FINE_CUES, SourceCues

SIDE = 64


@pytest.fixture(scope="module")
def cues():
    """The cues of a sharp plane between two that are blurred."""
    sharp = smooth(torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)), 1.0)
    planes = [smooth(sharp, 2.0), sharp, smooth(sharp, 4.0)]
    return SourceCues(planes, torch.tensor([0.005]))


def test_cues_of_all_sizes_stand_side_by_side(cues):
    fine, wide = cues.fine(1), list(cues.wide())[1]
    assert fine.shape == (1, FINE_CUES, SIDE // 2, SIDE // 2)
    assert wide.shape == (1, WIDE_CUES, SIDE // 8, SIDE // 8)
    torch.testing.assert_close(fine[:, 8], cues.finest.of(1)[8])
    torch.testing.assert_close(fine[:, FINEST_CUES], cues.coarse.of(1)[0])


def test_noise_is_halved_in_planes_of_half_the_size(cues):
    assert float(cues.coarse.floor) == pytest.approx(0.0025)


def test_the_sharp_plane_leads_every_focus_measure(cues):
    fine = torch.cat([cues.fine(number) for number in range(3)])
    for cue in (0, 1, 2, 3, 8, 9, *range(FINEST_CUES, FINEST_CUES + 4)):
        assert (fine[:, cue].argmax(0) == 1).float().mean() > 0.97
