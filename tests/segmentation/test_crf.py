import importlib.util

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.truth_metrics import mean_iou
from napari_focusstack.segmentation import crf
from napari_focusstack.segmentation.crf import CrfParameters, refine

PYDENSECRF = pytest.param(
    "pydensecrf",
    marks=pytest.mark.skipif(
        importlib.util.find_spec("pydensecrf") is None, reason="the extra 'crf' is not installed"
    ),
)
EACH_BACKEND = pytest.mark.parametrize("backend", [PYDENSECRF, "torch"])

SHAPE = (96, 112)  # not square, so that a swap of the axes shows


def disk():
    y, x = np.indices(SHAPE)
    return np.hypot(y - 46, x - 60) < 30


def two_colours(mask):
    """A reddish foreground on a bluish ground of about the same luminance, with sensor noise."""
    colour = np.where(mask[..., None], (150, 90, 60), (70, 105, 150))
    noise = np.random.default_rng(0).normal(0, 4, colour.shape)
    return np.clip(colour + noise, 0, 255).astype(np.uint8)


def perturbed(mask, seed=1):
    """Probability whose boundary wanders by about 4 px and that has a few wrong blobs."""
    rng = np.random.default_rng(seed)

    def field(sigma):
        smooth = ndimage.gaussian_filter(rng.standard_normal(mask.shape), sigma)
        return smooth / smooth.std()

    where = np.indices(mask.shape) + 4 * np.stack([field(6), field(6)])
    moved = ndimage.map_coordinates(mask.astype(float), where, order=1, mode="nearest")
    moved = np.where(field(4) > 2.3, 1 - moved, moved)
    return np.clip(ndimage.gaussian_filter(moved, 1), 0.01, 0.99).astype(np.float32)


def confident(mask):
    return np.where(mask, 0.99, 0.01).astype(np.float32)


@EACH_BACKEND
def test_a_perturbed_mask_moves_to_the_edge_of_the_guide(backend):
    truth = disk()
    probability = perturbed(truth)
    assert mean_iou(probability > 0.5, truth) < 0.90
    refined, used = refine(probability, two_colours(truth), backend=backend)
    assert used == backend
    assert refined.dtype == np.float32
    assert refined.shape == SHAPE
    assert 0 <= refined.min() <= refined.max() <= 1
    assert mean_iou(refined > 0.5, truth) > 0.99


@EACH_BACKEND
def test_a_grey_guide_serves_as_well(backend):
    truth = disk()
    grey = two_colours(truth)[..., 0]
    refined, _ = refine(perturbed(truth), grey, backend=backend)
    assert mean_iou(refined > 0.5, truth) > 0.98


@EACH_BACKEND
def test_bristles_three_pixels_wide_are_not_eaten(backend):
    bristles = np.zeros(SHAPE, bool)
    for left in range(10, 100, 15):
        bristles[20:80, left : left + 3] = True
    refined, _ = refine(confident(bristles), two_colours(bristles), backend=backend)
    assert mean_iou(refined > 0.5, bristles) > 0.99


@EACH_BACKEND
def test_a_constant_guide_leaves_the_interior_of_a_confident_mask(backend):
    truth = disk()
    refined, _ = refine(confident(truth), np.full(SHAPE, 128, np.uint8), backend=backend)
    boundary = ndimage.binary_dilation(truth, iterations=3) & ~ndimage.binary_erosion(
        truth, iterations=3
    )
    np.testing.assert_array_equal((refined > 0.5)[~boundary], truth[~boundary])


@EACH_BACKEND
def test_without_pairwise_weights_the_clipped_probability_comes_back(backend):
    probability = np.linspace(0, 1, 96 * 112, dtype=np.float32).reshape(SHAPE)
    unary_only = CrfParameters(smoothness_weight=0, appearance_weight=0, certainty=0.9)
    refined, _ = refine(probability, np.zeros(SHAPE, np.uint8), unary_only, backend)
    np.testing.assert_allclose(refined, probability.clip(0.1, 0.9), atol=1e-5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_backends_agree(seed):
    pytest.importorskip("pydensecrf", reason="the extra 'crf' is not installed")
    truth = disk()
    probability, guide = perturbed(truth, seed), two_colours(truth)
    theirs, ours = (refine(probability, guide, backend=b)[0] for b in ("pydensecrf", "torch"))
    assert mean_iou(ours > 0.5, theirs > 0.5) > 0.995
    assert np.abs(ours - theirs).mean() < 0.005


@EACH_BACKEND
@pytest.mark.parametrize("factor", [2, 3])
def test_an_image_above_the_working_size_keeps_edges_and_bristles(backend, factor, monkeypatch):
    monkeypatch.setattr(crf, "_MAX_PIXELS", 96 * 112 / (factor - 0.5) ** 2)
    truth = disk()
    truth[:90, 8:11] = True
    probability = np.where(np.indices(SHAPE)[1] < 20, confident(truth), perturbed(truth))
    assert mean_iou(probability > 0.5, truth) < 0.88
    refined, _ = refine(probability.astype(np.float32), two_colours(truth), backend=backend)
    assert mean_iou(refined > 0.5, truth) > 0.93
    assert (refined > 0.5)[:90, 8:11].mean() > 0.93


def test_auto_falls_back_to_torch_and_pydensecrf_names_its_extra(monkeypatch):
    monkeypatch.setattr(crf, "find_spec", lambda name: None)
    probability, guide = np.full((16, 16), 0.3, np.float32), np.zeros((16, 16), np.uint8)
    assert refine(probability, guide)[1] == "torch"
    with pytest.raises(InputError, match=r"napari-focusstack\[crf\]"):
        refine(probability, guide, backend="pydensecrf")


def test_inputs_are_left_alone():
    truth = disk()
    probability, guide = perturbed(truth), two_colours(truth)
    probability.flags.writeable = guide.flags.writeable = False
    kept = probability.copy()
    refine(probability, guide, backend="torch")
    np.testing.assert_array_equal(probability, kept)


@pytest.mark.parametrize(
    ("probability", "guide", "reason"),
    [
        (np.zeros((8, 9), np.float32), np.zeros((9, 8), np.uint8), r"\(9, 8\)"),
        (np.zeros((8, 9), np.float32), np.zeros((8, 9, 4), np.uint8), "3 colours"),
        (np.zeros((8, 9), np.float32), np.zeros((8, 9), np.uint16), "uint16"),
        (np.zeros((8, 9), bool), np.zeros((8, 9), np.uint8), "bool"),
        (np.full((8, 9), np.nan, np.float32), np.zeros((8, 9), np.uint8), "nan"),
        (np.full((8, 9), 1.5, np.float32), np.zeros((8, 9), np.uint8), r"1\.5"),
        (np.full((8, 9), -0.1, np.float32), np.zeros((8, 9), np.uint8), r"-0\.1"),
        (np.zeros((0, 9), np.float32), np.zeros((0, 9), np.uint8), "empty"),
    ],
)
def test_bad_input_is_refused_with_its_value(probability, guide, reason):
    with pytest.raises(InputError, match=reason):
        refine(probability, guide)


def test_an_unknown_backend_is_refused():
    with pytest.raises(InputError, match="'cuda'"):
        refine(np.zeros((8, 8), np.float32), np.zeros((8, 8), np.uint8), backend="cuda")


@pytest.mark.parametrize(
    ("name", "value"),
    [("iterations", 0), ("certainty", 1.0), ("colour_sigma", 0.5), ("appearance_weight", -1)],
)
def test_parameters_outside_their_range_are_refused(name, value):
    with pytest.raises(InputError, match=f"{name} is {value}"):
        CrfParameters(**{name: value})
