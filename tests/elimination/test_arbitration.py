import numpy as np
import pytest
import torch

from napari_focusstack.elimination import arbitration
from napari_focusstack.elimination.arbitration import TransitionRegion, context_of
from napari_focusstack.elimination.blockwise import Solved
from napari_focusstack.imaging.intensity import Intensity
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.networks.teb import NO_EVIDENCE, TEB, UNKNOWN_RESIDUALS
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.source.selection import Selection

SIDE = 64
WHOLE = np.s_[0:SIDE, 0:SIDE]


def solved(region, value, channels=3):
    mask = torch.ones(region[0].stop - region[0].start, region[1].stop - region[1].start).bool()
    count = int(mask.sum())
    return Solved(region, mask, torch.full((channels, count), value), torch.rand(6, count))


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)


def region_of(picture, *pieces):
    source = np.ones(picture.shape[:2], np.uint8)
    log_error = np.linspace(-9, -3, source.size, dtype=np.float16).reshape(source.shape)
    selection = Selection(picture, source, source == 0, log_error)
    focus = FocusMap.of_depth(torch.ones(1, *source.shape), 3, torch.full((1, *source.shape), 0.25))
    gathered = TransitionRegion(selection, focus, Intensity.of([picture]))
    assert len(list(gathered.add(pieces))) == len(pieces)
    return gathered


@pytest.fixture
def region(picture):
    return region_of(picture, solved(np.s_[8:24, 8:40], 0.5))


class Trusting(TEB):
    """Trusts all that is unmixed by the same weight."""

    def __init__(self, weight):
        super().__init__(width=4)
        self.weight = weight

    def forward(self, rivals):
        return self.weight * rivals.region


class Noting(Trusting):
    """Keeps what it was asked."""

    def forward(self, rivals):
        self.rivals = rivals
        return super().forward(rivals)


def weighed(region, network, within=WHOLE):
    weight = region.trusted(Psf(2.0, 2.0), 0.01, network, within)
    return region.over(weight, within)


def test_pieces_are_put_in_their_place(region):
    assert region.mask[8:24, 8:40].all()
    assert int(region.mask.sum()) == 16 * 32
    light = region.light_of(np.s_[4:20, 30:64])
    assert (light[:, 4:, :10] == 0.5).all()
    assert int((light > 0).sum()) == 3 * 12 * 10


def test_light_that_is_trusted_replaces_source_pixels_inside_the_region_only(region, picture):
    image, computed = weighed(region, Trusting(1.0))
    assert np.array_equal(computed, region.mask.numpy())
    assert np.array_equal(image[~computed], picture[~computed])
    assert (image[computed] == 188).all()  # half of the light, coded as sRGB


def test_light_that_is_not_trusted_leaves_the_picture_as_it_is(region, picture):
    image, computed = weighed(region, Trusting(0.001))
    assert not computed.any()
    assert image.tobytes() == picture.tobytes()


def test_half_a_trust_gives_the_mean_of_the_light(picture):
    region = region_of(np.zeros_like(picture), solved(np.s_[8:24, 8:40], 0.5))
    image, _ = weighed(region, Trusting(0.5))
    assert np.abs(image[10, 10].astype(int) - 137).max() <= 1  # a quarter of the light


def test_grey_planes_stay_grey():
    picture = np.full((SIDE, SIDE), 1000, np.uint16)
    picture[0, 0], picture[0, 1] = 0, 2000
    region = region_of(picture, solved(np.s_[8:24, 8:40], 1.0, channels=1))
    image, computed = weighed(region, Trusting(1.0))
    assert image.shape == picture.shape
    assert (image[computed] == 2000).all()


def test_an_unknown_residual_is_no_obstacle(region, picture):
    torch.manual_seed(0)
    image, _ = weighed(region, TEB(width=4).eval())
    assert image.shape == picture.shape


def test_the_context_is_on_the_grid_and_holds_the_reach():
    outer = context_of((slice(101, 140), slice(3, 50)), (400, 400))
    assert all(part.start % TEB.stride == 0 for part in outer)
    assert outer[0].start <= 101 - TEB.reach
    assert outer[0].stop >= 140 + TEB.reach
    assert outer[1].start == 0


def test_the_network_is_told_the_evidence_where_light_was_unmixed_and_none_elsewhere(picture):
    piece = solved(np.s_[8:24, 8:40], 0.5)
    region = region_of(picture, piece)
    network = Noting(1.0)
    psf = Psf(2.0, 2.0, residual=0.011, residual_without_occlusion=0.022)
    region.trusted(psf, 0.03, network, WHOLE)
    told, inside = network.rivals, region.mask
    assert torch.equal(told.region[0, 0] > 0, inside)
    assert torch.allclose(told.evidence[0][:, inside], piece.evidence[:5], atol=1e-3)
    shown = linear_to_srgb(piece.evidence[5])
    assert torch.allclose(told.far[0, 0][inside], shown, atol=1e-3)
    assert torch.equal(told.far[0, 0][~inside], told.selected[0].mean(0)[~inside])
    assert (told.confidence == 0.25).all()
    assert told.log_error[0, 0, 0, 0] == -9
    assert torch.equal(
        told.evidence[0][:, ~inside],
        torch.tensor(NO_EVIDENCE)[:, None].expand(5, int((~inside).sum())),
    )
    assert torch.equal(told.unmixed[0][:, ~inside], told.selected[0][:, ~inside])
    assert torch.allclose(told.selected[0], torch.from_numpy(picture).permute(2, 0, 1) / 255)
    assert float(told.noise) == pytest.approx(0.03)
    assert told.residuals[0].tolist() == pytest.approx([0.011, 0.022])


def test_where_memory_runs_out_a_tile_is_weighed_once_more(region):
    class Starting(Trusting):
        def forward(self, rivals):
            begun.append(1)
            if len(begun) == 1:
                raise MemoryError
            return super().forward(rivals)

    begun = []
    weight = region.trusted(Psf(2.0, 2.0), 0.01, Starting(0.75), WHOLE)
    assert len(begun) == 2
    assert torch.equal(weight, 0.75 * region.mask)


@pytest.mark.parametrize("residual", [np.inf, np.nan])
def test_residuals_that_are_unknown_are_those_of_a_typical_picture(region, residual):
    network = Noting(1.0)
    psf = Psf(2.0, 2.0, residual=residual)
    region.trusted(psf, 0.01, network, WHOLE)
    assert network.rivals.residuals[0].tolist() == pytest.approx(UNKNOWN_RESIDUALS)


def test_light_that_equals_the_source_pixels_leaves_the_picture(picture):
    light = Intensity.of([picture]).to_light(picture)
    here = np.s_[8:24, 8:40]
    region = region_of(picture, solved(here, 0.0)._replace(light=light[:, *here].flatten(1)))
    for weight in (0.3, 1.0):
        image, computed = weighed(region, Trusting(weight))
        assert np.array_equal(image, picture)
        assert computed.sum() == 16 * 32


@pytest.mark.parametrize("tile_px", [32, 76])
def test_tiles_are_trusted_as_the_whole_is(monkeypatch, tile_px):
    torch.manual_seed(1)
    network, side = TEB(width=8).eval(), 180
    with torch.no_grad():
        network.head.weight.mul_(8)
    picture = np.random.default_rng(1).integers(0, 255, (side, side, 3), np.uint8)
    region = region_of(picture, solved(np.s_[10:170, 5:160], 0.5))
    ask = Psf(2.0, 2.0), 0.01, network, np.s_[0:side, 0:side]
    whole = region.trusted(*ask)
    monkeypatch.setattr(arbitration, "TILE_PX", tile_px)
    tiled = region.trusted(*ask)
    assert whole[region.mask].std() > 0.05
    assert torch.allclose(tiled, whole, atol=1e-4)
    where = np.s_[37:150, 50:180]
    part = region.trusted(*ask[:3], where)
    assert torch.allclose(part, whole[where], atol=1e-4)


def test_a_part_of_the_picture_is_mixed_as_in_the_whole(region):
    image, computed = weighed(region, Trusting(0.6))
    where = np.s_[12:50, 3:20]
    part, inside = weighed(region, Trusting(0.6), where)
    assert np.array_equal(part, image[where])
    assert np.array_equal(inside, computed[where])


def test_what_is_forgotten_is_a_source_pixel_until_it_is_computed_anew(region, picture):
    where = np.s_[0:16, 20:30]
    region.forget(where)
    image, computed = weighed(region, Trusting(1.0))
    expected = np.zeros((SIDE, SIDE), bool)
    expected[8:24, 8:40] = True
    expected[where] = False
    assert np.array_equal(computed, expected)
    assert np.array_equal(image[where], picture[where])
    assert (image[expected] == 188).all()
    list(region.add([solved(np.s_[10:14, 22:28], 0.0)]))
    image, computed = weighed(region, Trusting(1.0))
    assert (image[10:14, 22:28] == 0).all()
    assert (image[expected] == 188).all()
    assert computed.sum() == expected.sum() + 4 * 6
