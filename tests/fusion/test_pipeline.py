"""The pipeline for more than two planes: focus, blur and elimination."""

import numpy as np
import pytest
import torch

from napari_focusstack.elimination import blockwise as elimination
from napari_focusstack.elimination.arbitration import TransitionRegion
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.networks.teb import TEB
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.psf_estimation.boundary_patches import NoOcclusionBoundary
from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.region import pad
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.source.noise import estimate_noise
from napari_focusstack.source.selection import Selection


def pipeline_of(planes, **options):
    return Pipeline(planes, FuseParameters(device="cpu", **options))


@pytest.fixture(scope="module")
def scene(make_focal_stack):
    return make_focal_stack(5, 1.5)


@pytest.fixture(scope="module")
def planes(scene):
    return scene.planes("uint16")


@pytest.fixture(scope="module")
def pipeline(planes):
    return pipeline_of(planes, psf="reblur")


@pytest.fixture(scope="module")
def focus(pipeline, scene):
    return pipeline.read_labels(scene.labels)


@pytest.mark.parametrize("sigma_px", [0.8, 1.5, 2.5])
def test_the_blur_of_one_plane_step_is_found_along_the_edges(make_focal_stack, sigma_px):
    scene = make_focal_stack(5, sigma_px, side=128)
    pipeline = pipeline_of(scene.planes("uint16"), psf="reblur")
    found = pipeline.estimate_psf(pipeline.read_labels(scene.labels))
    assert found.sigma_px == pytest.approx(sigma_px, rel=0.15)
    assert found.shape == "gaussian"
    assert found.breathing.still
    assert 0 < found.residual < 0.03


def test_surfaces_show_the_blur_and_keb_is_not_asked(make_focal_stack):
    scene = make_focal_stack(5, 1.5, side=192)
    pipeline = pipeline_of(scene.planes("uint16"))
    found = pipeline.estimate_psf(pipeline.read_labels(scene.labels))
    assert found.sigma_px == pytest.approx(1.5, rel=0.03)
    assert found.is_significant
    assert pipeline.weights == {}


def test_where_surfaces_are_small_edges_and_keb_show_the_blur(planes):
    """Every pixel of a mesh lies near a step."""
    labels = np.where(np.indices((96, 96)).sum(0) // 12 % 2, 1, 5)
    pipeline = pipeline_of(planes)
    pipeline.estimate_psf(pipeline.read_labels(labels))
    assert set(pipeline.weights) == {"keb"}


def test_keb_answers_per_plane_step(planes, scene, keb_weights):
    pipeline = pipeline_of(planes, psf="keb", keb_weights=str(keb_weights))
    found = pipeline.estimate_psf(pipeline.read_labels(scene.labels))
    # it says 3 px, and the one window shows best what lies 4 plane steps apart
    assert found.sigma_px == pytest.approx(3 / 4, rel=0.01)
    assert set(pipeline.weights) == {"keb"}


def test_a_blur_that_is_given_is_taken(planes, focus):
    assert pipeline_of(planes, psf=1.8).estimate_psf(focus).sigma_px == 1.8


@pytest.mark.parametrize(
    ("options", "depth", "reason"),
    [
        ({"elimination": "none"}, [1.0, 1.0, 5.0], "elimination is none"),
        ({}, [4.0, 4.0, 4.0], "nothing lies in front of anything else"),
        ({}, [2.6, 3.0, 3.4], "no surface lies clearly in front of another"),
        ({"psf": 1.5}, [1.0, 1.5, 2.0], "no surface lies clearly in front of another"),
    ],
)
def test_where_no_blur_can_be_seen_pixels_are_selected_and_the_reason_is_said(
    planes, options, depth, reason
):
    pipeline = pipeline_of(planes, **options)
    slope = np.interp(np.arange(96), [0, 48, 95], depth).astype(np.float32)
    focus = FocusMap.of_depth(torch.from_numpy(slope).repeat(1, 96, 1), 5)
    psf = run(pipeline.find_psf(focus))
    assert psf is None
    assert reason in pipeline.plain
    image, region = run(pipeline.eliminate(focus, psf))
    initial = Selection.by_labels(pipeline.stack, focus.labels).picture
    assert not region.any()
    assert image.tobytes() == initial.tobytes()
    chosen = np.stack(planes)[focus.labels - 1, *np.indices((96, 96))]
    np.testing.assert_array_equal(image, chosen)


def test_the_blur_of_a_tilted_surface_alone_is_no_blur_of_an_edge(pipeline):
    slope = torch.linspace(1, 5, 96).expand(1, 96, 96).contiguous()
    with pytest.raises(NoOcclusionBoundary, match="no light to eliminate"):
        pipeline.estimate_psf(FocusMap.of_depth(slope, 5))


@pytest.fixture
def transparent(make_scene):
    """Two specimens at planes 1 and 5 that let all light through, and where each is sharp."""
    scene = make_scene(3.0)
    planes = []
    for plane in range(1, 6):
        front, back = (
            layer if plane == depth else blur(layer[None], 1.5 * abs(plane - depth))[0]
            for layer, depth in ((scene.foreground, 1), (scene.background, 5))
        )
        planes.append((30000 * (front + back).mean(0)).numpy().astype(np.uint16))
    return planes, np.where(scene.mask, 1, 5)


def test_where_the_model_does_not_fit_it_is_said_and_nothing_is_eliminated(transparent):
    planes, labels = transparent
    pipeline = pipeline_of(planes, psf="reblur")
    focus = pipeline.read_labels(labels)
    assert run(pipeline.find_psf(focus)) is None
    assert "no surface hides what lies behind it" in pipeline.plain
    image, region = run(pipeline.eliminate(focus, None))
    assert not region.any()
    np.testing.assert_array_equal(image, np.where(labels == 1, planes[0], planes[4]))


def test_a_blur_that_is_given_is_used_even_where_the_model_does_not_fit(transparent):
    planes, labels = transparent
    pipeline = pipeline_of(planes, psf=1.5)
    assert run(pipeline.find_psf(pipeline.read_labels(labels))).sigma_px == 1.5
    assert pipeline.plain == ""


def test_a_reason_of_an_earlier_call_is_cleared(planes, focus):
    pipeline = pipeline_of(planes, psf=1.5)
    flat = FocusMap.of_depth(torch.full((1, 96, 96), 2.0), 5)
    assert run(pipeline.find_psf(flat)) is None
    assert run(pipeline.find_psf(focus)).sigma_px == 1.5
    assert pipeline.plain == ""


@pytest.mark.parametrize("method", ["unmix", "subtract"])
def test_a_part_is_eliminated_as_in_the_whole(pipeline, focus, monkeypatch, method):
    psf = Psf(1.5, 1.5)
    image, region = run(pipeline.eliminate(focus, psf, method=method))
    monkeypatch.setattr(elimination, "BLOCK_PX", 32)
    selection = Selection.by_labels(pipeline.stack, focus.labels)
    narrow = pipeline.surfaces.narrow(focus)
    for where in (np.s_[16:80, 32:96], np.s_[0:96, 0:96]):
        computed = TransitionRegion(selection, focus, pipeline.stack.intensity)
        around = pad(where, TEB.reach, (96, 96))
        run(pipeline.unmix(computed, narrow, psf, method, around))
        part, inside = pipeline.mix(computed, psf, method, where)
        np.testing.assert_array_equal(inside, region[where])
        np.testing.assert_array_equal(part[~inside], image[where][~inside])
        apart = np.abs(part.astype(int) - image[where])[inside]
        # what light does on a second way to and fro is left out: less than a grey level of 8 bits
        assert apart.mean() < 60
        assert np.quantile(apart, 0.99) < 600


def test_the_halo_of_every_nearer_surface_is_removed_from_each_plane(scene, pipeline, focus):
    """Plane 1 is blurred over planes 3 and 5 with twice and four times the sigma of a step."""
    image, region = run(pipeline.eliminate(focus, Psf(1.5, 1.5)))
    initial = Selection.by_labels(pipeline.stack, focus.labels).picture
    truth = (scene.truth.permute(1, 2, 0) * 60000).numpy()
    for plane in (3, 5):
        here = region & (scene.labels == plane)
        assert here.mean() > 0.03
        before, after = (np.abs(one - truth)[here].mean() for one in (initial, image))
        assert after < 0.55 * before, plane
    assert not region[(scene.labels == 1) & (focus.alpha[0].numpy() == 1)].any()


def test_trust_is_told_the_noise_of_the_stack(scene, focus, planes, monkeypatch):
    told = []

    def trusted(region, psf, noise, network, within):
        told.append(noise)
        return region.mask[within].float()

    monkeypatch.setattr(TransitionRegion, "trusted", trusted)
    pipeline = pipeline_of(planes)
    assert pipeline.noise == estimate_noise(pipeline.stack)
    pipeline.noise = 0.0371
    image, region = run(pipeline.eliminate(focus, Psf(1.5)))
    assert told == [0.0371]
    assert set(pipeline.weights) == {"teb"}
    initial = Selection.by_labels(pipeline.stack, focus.labels).picture
    assert (image != initial)[region].mean() > 0.9
    np.testing.assert_array_equal(image[~region], initial[~region])


@pytest.mark.parametrize("method", ["subtract", "none"])
def test_trust_is_asked_about_unmixed_light_only(focus, planes, method):
    pipeline = pipeline_of(planes)
    run(pipeline.eliminate(focus, Psf(1.5), method=method))
    assert pipeline.weights == {}


def test_a_selection_is_where_elimination_starts_from(focus, planes):
    pipeline = pipeline_of(planes)
    flat = Selection.by_labels(pipeline.stack, np.full((96, 96), 3, np.uint8))
    image, region = run(pipeline.eliminate(focus, Psf(1.5), flat))
    assert region.any()
    np.testing.assert_array_equal(image[~region], planes[2][~region])
    unchanged, nowhere = run(pipeline.eliminate(focus, None, flat))
    np.testing.assert_array_equal(unchanged, planes[2])
    assert not nowhere.any()
    assert not np.shares_memory(unchanged, flat.picture)


@pytest.mark.parametrize("count", [2, 5])
def test_a_blur_as_wide_as_the_picture_is_not_accepted(count):
    planes = [np.random.default_rng(k).integers(0, 255, (64, 96), np.uint8) for k in range(count)]
    pipeline = pipeline_of(planes, register="off")
    narrow, wide = (
        Psf(sigma_px, residual=0.01, residual_without_occlusion=0.14) for sigma_px in (6.3, 6.5)
    )
    assert pipeline._accepts(narrow)
    assert not pipeline._accepts(wide)
