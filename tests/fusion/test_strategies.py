"""What a pair and a stack of more planes do differently: focus, blur, and when it is used."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_focusstack.evaluation.truth_metrics import mean_iou
from napari_focusstack.fusion.strategies import PairStrategy, StackStrategy, strategy_for
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.networks import weights
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.psf_estimation.boundary_patches import NoOcclusionBoundary
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation.focus_map import FocusMap

CPU = torch.device("cpu")


class Networks:
    """Loads the networks of the parameters, and notes which were asked for."""

    def __init__(self, parameters):
        self.parameters, self.names = parameters, []

    def __call__(self, name, variant=""):
        self.names.append(f"{name} {variant}".strip())
        path = getattr(self.parameters, f"{name}_weights")
        return weights.load(name, CPU, path, variant)[0]


def focal_stack(planes):
    return FocalStack(planes, "auto", CPU, 2**34)


@pytest.fixture(scope="module")
def pair(make_scene):
    return focal_stack(make_scene(3.0).planes("uint16"))


@pytest.fixture(scope="module")
def stack(make_focal_stack):
    return focal_stack(make_focal_stack(5, 1.5).planes("uint16"))


@pytest.fixture
def networks(parameters):
    return Networks(parameters)


def test_two_planes_are_a_pair_and_three_a_stack():
    assert isinstance(strategy_for(2), PairStrategy)
    assert isinstance(strategy_for(3), StackStrategy)


def test_a_pair_is_segmented_into_foreground_and_background(make_scene, pair, parameters, networks):
    focus, crf_backend = run(PairStrategy().segment(pair, parameters, networks))
    assert sorted(networks.names) == ["deb pairs", "fsb"]
    assert crf_backend is None
    assert focus.is_pair
    assert mean_iou(focus.labels == 1, make_scene(3.0).mask) > 0.8


def test_a_stack_is_segmented_by_depth(make_focal_stack, stack, parameters, networks):
    focus, crf_backend = run(StackStrategy().segment(stack, parameters, networks))
    assert sorted(networks.names) == ["deb", "meb"]
    assert crf_backend is None
    assert (focus.planes, focus.size, focus.is_pair) == (5, (96, 96), False)
    # the DEB of the tests averages over 10 px, so it errs along the edges
    truth = make_focal_stack(5, 1.5).labels
    assert (np.abs(focus.labels.astype(int) - truth) <= 1).mean() > 0.7


@pytest.mark.parametrize(
    ("psf", "asked", "sigma_px", "tolerance"),
    [("keb", ["keb"], 3.0, 0.01), ("reblur", [], 3.0, 0.24), (2.5, [], 2.5, 0.0)],
)
def test_keb_is_asked_for_the_blur_of_a_pair_where_it_is_chosen(
    make_scene, pair, parameters, networks, psf, asked, sigma_px, tolerance
):
    focus = FocusMap.of_pair(make_scene(3.0).alpha)
    found = PairStrategy().estimate_psf(pair, focus, replace(parameters, psf=psf), networks)
    assert found.sigma_px == pytest.approx(sigma_px, abs=tolerance)
    assert networks.names == asked


def test_surfaces_of_a_stack_show_the_blur_of_one_plane_step_without_keb(
    make_focal_stack, parameters, networks
):
    scene = make_focal_stack(5, 1.5, side=192)
    focus = FocusMap.of_labels(scene.labels, 5, (192, 192))
    parameters = replace(parameters, psf="keb+reblur")
    found = StackStrategy().estimate_psf(
        focal_stack(scene.planes("uint16")), focus, parameters, networks
    )
    assert found.sigma_px == pytest.approx(1.5, rel=0.03)
    assert networks.names == []


def test_keb_answers_for_a_distance_in_plane_steps(make_focal_stack, stack, parameters, networks):
    focus = FocusMap.of_labels(make_focal_stack(5, 1.5).labels, 5, (96, 96))
    found = StackStrategy().estimate_psf(stack, focus, replace(parameters, psf="keb"), networks)
    assert networks.names == ["keb"]
    # the KEB of the tests answers 3 px, whether two, three or four steps lie between the surfaces
    assert found.sigma_px == pytest.approx(0.75, rel=0.01)


def test_without_an_occlusion_there_is_no_blur_to_estimate(stack, pair, parameters, networks):
    slope = torch.linspace(1, 5, 96).expand(1, 96, 96).contiguous()
    with pytest.raises(NoOcclusionBoundary):
        StackStrategy().estimate_psf(stack, FocusMap.of_depth(slope, 5), parameters, networks)
    flat = FocusMap.of_pair(torch.zeros(1, 96, 96))
    with pytest.raises(NoOcclusionBoundary):
        PairStrategy().estimate_psf(pair, flat, parameters, networks)


def test_a_blur_is_accepted_that_explains_the_planes_and_leaves_little():
    poor = Psf(1.0, residual=0.02, residual_without_occlusion=0.0201)
    fair = Psf(1.0, residual=0.0194, residual_without_occlusion=0.02)
    good = Psf(1.0, residual=0.01, residual_without_occlusion=0.02)
    wild = Psf(12.0, residual=0.08, residual_without_occlusion=0.16)
    same = Psf(0.5, residual=0.0, residual_without_occlusion=0.0)
    blurs = poor, fair, good, wild, same
    assert [PairStrategy().accepts(psf) for psf in blurs] == [False, True, True, False, False]
    assert [StackStrategy().accepts(psf) for psf in (poor, good)] == [False, True]


def test_planes_of_a_stack_are_diagnosed_and_those_of_a_pair_are_not(make_focal_stack, pair):
    scene = make_focal_stack(5, 1.5)
    planes = scene.planes("uint16")
    swapped = focal_stack([planes[n] for n in (0, 2, 1, 3, 4)])
    steps = []
    found = run(StackStrategy().diagnose(swapped, scene.labels), steps.append)
    assert found.messages()[0] == "Planes 2 and 3 seem to be swapped."
    assert [(step.done, step.total) for step in steps] == [(0, 1), (1, 1)]
    assert run(PairStrategy().diagnose(pair, np.ones((96, 96), np.uint8))) is None
