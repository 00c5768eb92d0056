"""Which sigma is taken: KEB's, the most consistent one, both, or the one given."""

import math

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.networks.keb import KEB
from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches
from napari_focusstack.psf_estimation.defocus_slope import DefocusSlope
from napari_focusstack.psf_estimation.estimate import check_method, estimate, keb_sigma


class Answering:
    """Stands in for KEB: remembers what it saw, and answers with one sigma."""

    stride = 8

    def __init__(self, sigma_px):
        self.sigma_px = sigma_px
        self.seen = None

    def __call__(self, planes_and_mask):
        self.seen = planes_and_mask
        return torch.full((len(planes_and_mask),), self.sigma_px)


@pytest.fixture(scope="module")
def pair(make_scene):
    scene = make_scene(3.0)
    return BoundaryPatches.from_pair(scene.near, scene.far, scene.alpha)


def test_kebs_answer_alone_is_kept(pair):
    found = estimate(pair, psf="keb", shape="gaussian", keb=Answering(3.7), to_display=torch.clone)
    assert found.sigma_px == pytest.approx(3.7, rel=1e-6)


def test_kebs_answer_is_refined_by_reblur_consistency(pair):
    found = estimate(pair, psf="keb+reblur", keb=Answering(3.7), to_display=torch.clone)
    assert found.sigma_px == pytest.approx(3.0, rel=0.08)
    assert found.shape == "gaussian"


def test_refinement_finds_its_way_back_from_a_wrong_answer_of_keb(pair):
    found = estimate(
        pair, psf="keb+reblur", shape="gaussian", keb=Answering(7.0), to_display=torch.clone
    )
    assert found.sigma_px == pytest.approx(3.0, rel=0.05)


def test_reblur_alone_needs_no_network(pair):
    assert estimate(pair, psf="reblur").sigma_px == pytest.approx(3.0, rel=0.08)


@pytest.mark.parametrize("method", ["reblur", "keb+reblur"])
def test_the_blur_of_surfaces_goes_before_that_of_edges(pair, method):
    step = DefocusSlope(2.5, "disk", 0.1, 0.0, ((2.0, 0.02), (2.5, 0.01)))
    found = estimate(pair, psf=method, slope=step)
    assert (found.sigma_px, found.shape, found.curve) == (2.5, "disk", step.curve)
    assert found.max_residual_ratio == math.inf
    assert 0 < found.residual <= found.residual_without_occlusion
    # a method that does not name reblur, and a number, stay what they are
    assert estimate(pair, psf=3.1, slope=step).sigma_px == 3.1


@pytest.mark.parametrize("psf", [2.345, "2.345", 2])
def test_a_given_number_is_kept_exactly(pair, psf):
    found = estimate(pair, psf=psf)
    assert found.sigma_px == float(psf)
    assert found.residual > 0


def test_keb_sees_the_display_planes_and_the_mask_with_sides_of_its_stride(make_scene):
    scene = make_scene(2.0, side=60)
    windows = BoundaryPatches.from_pair(scene.near, scene.far, scene.alpha)
    keb = Answering(2.0)
    assert keb_sigma(keb, windows, lambda light: 1 - light) == 2
    assert keb.seen.shape == (1, 7, 64, 64)
    torch.testing.assert_close(keb.seen[0, :3, :60, :60], 1 - scene.near)
    torch.testing.assert_close(keb.seen[0, 3:6, :60, :60], 1 - scene.far)
    torch.testing.assert_close(keb.seen[0, 6:, :60, :60], scene.alpha)


def test_the_median_over_windows_counts():
    class Disagreeing(Answering):
        def __call__(self, planes_and_mask):
            return torch.tensor([2.0, 3.0, 50.0])

    piece = torch.rand(3, 3, 16, 16)
    windows = BoundaryPatches(piece, piece, piece[:, :1], ((0, 0),) * 3, (16, 16))
    assert keb_sigma(Disagreeing(0), windows, torch.clone) == 3


def test_a_real_keb_runs(pair):
    torch.manual_seed(0)
    found = estimate(
        pair, psf="keb", shape="gaussian", keb=KEB(width=8).eval(), to_display=torch.clone
    )
    assert found.sigma_px > 0


def test_keb_without_a_network_is_refused(pair):
    with pytest.raises(InputError, match="'keb'"):
        estimate(pair, psf="keb")


def test_a_mask_without_a_boundary_is_refused(pair):
    with pytest.raises(InputError, match="no boundary"):
        BoundaryPatches.from_pair(pair.near[0], pair.far[0], torch.zeros(1, 96, 96))


def test_methods_are_words_or_numbers():
    for word in ("keb", "reblur", "keb+reblur"):
        assert check_method(word) == word
    assert check_method("4.5") == check_method(4.5) == 4.5


@pytest.mark.parametrize(
    ("psf", "message"),
    [
        ("gauss", "psf is 'gauss'"),
        ("", "psf is ''"),
        (0, "sigma_px is 0"),
        ("-3", "sigma_px is -3.0"),
        (math.nan, "sigma_px is nan"),
        ("inf", "sigma_px is inf"),
    ],
)
def test_other_choices_are_refused_with_their_value(psf, message):
    with pytest.raises(InputError, match=message):
        check_method(psf)
