"""Q_MI, Q_abf and Q_Y against their definitions."""

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.fusion_metrics import q_abf, q_mi, q_y

# Q^AB/F of an edge kept in strength and orientation, from the constants of its definition
Q_ABF_KEPT = 0.9994 / (1 + np.exp(-7.5)) * 0.9879 / (1 + np.exp(-4.4))
FUSION_METRICS = pytest.mark.parametrize("metric", [q_mi, q_abf, q_y])


def texture(seed=0, size=128):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((size, size)), 1)
    noise -= noise.min()
    return np.rint(255 * noise / noise.max()).astype(np.uint8)


def blurred(image):
    return ndimage.gaussian_filter(image, 3)


@pytest.fixture
def scene():
    """Near plane sharp on the left, far plane sharp on the right, and the sharp whole."""
    sharp = texture()
    left = np.arange(128) < 64
    return np.where(left, sharp, blurred(sharp)), np.where(left, blurred(sharp), sharp), sharp


@pytest.mark.parametrize(("metric", "best"), [(q_mi, 2), (q_abf, Q_ABF_KEPT), (q_y, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_three_identical_images_score_the_maximum(metric, best, dtype):
    plane = texture().astype(dtype)
    assert metric(plane, plane, plane) == pytest.approx(best, abs=1e-9)


@FUSION_METRICS
def test_swapping_the_sources_changes_nothing(metric, scene):
    near, far, sharp = scene
    assert metric(near, far, sharp) == pytest.approx(metric(far, near, sharp), abs=1e-12)


@FUSION_METRICS
def test_a_degraded_fusion_scores_lower(metric, scene):
    near, far, sharp = scene
    average = ((near.astype(int) + far) // 2).astype(np.uint8)
    noise = texture(seed=1)
    good, fair, bad = (metric(near, far, fused) for fused in (sharp, average, noise))
    assert good > fair + 0.05
    assert fair > bad + 0.05


@FUSION_METRICS
def test_a_grey_image_scores_the_same_as_rgb_and_at_16_bits(metric, scene):
    expected = metric(*scene)
    rgb = [np.stack([plane] * 3, axis=-1) for plane in scene]
    assert metric(*rgb) == pytest.approx(expected, abs=1e-6)
    wide = [plane.astype(np.uint16) * 257 for plane in scene]
    assert metric(*wide) == pytest.approx(expected, abs=1e-6)


def test_q_mi_matches_a_count_of_every_pair_of_levels():
    rng = np.random.default_rng(3)
    near, far = rng.integers(0, 4, (2, 12, 12), dtype=np.uint8)
    fused = np.where(rng.random((12, 12)) < 0.7, near, far)

    def information(x, y):
        pairs = Counter(zip(x.ravel().tolist(), y.ravel().tolist(), strict=True))
        n = x.size
        p = {k: (x == k).sum() / n for k in range(4)}
        q = {k: (y == k).sum() / n for k in range(4)}
        mutual = sum(c / n * np.log(c / n / (p[i] * q[j])) for (i, j), c in pairs.items())
        return mutual / -sum(v * np.log(v) for v in [*p.values(), *q.values()])

    expected = 2 * (information(near, fused) + information(far, fused))
    assert q_mi(near, far, fused) == pytest.approx(expected, abs=1e-9)
    assert 0.4 < expected < 1.6


def test_q_mi_is_zero_for_a_constant_fused_image():
    rows = np.repeat(np.arange(16, dtype=np.uint8)[:, None], 16, axis=1)
    assert q_mi(rows, rows, rows.T) == pytest.approx(0, abs=1e-9)


def test_q_abf_takes_inverted_contrast_for_the_same_edge_and_a_turned_one_for_lost():
    ramp = np.repeat(np.arange(32, dtype=np.uint8)[None] * 8, 32, axis=0)
    assert q_abf(ramp, ramp, 248 - ramp) == pytest.approx(Q_ABF_KEPT, abs=1e-9)
    assert q_abf(ramp, ramp, ramp.T) < 0.03
    assert q_abf(ramp, ramp, np.zeros_like(ramp)) < 1e-3


def test_q_abf_of_halved_contrast_follows_from_the_definition():
    ramp = np.repeat(np.arange(32, dtype=np.uint8)[None] * 8, 32, axis=0)
    expected = 0.9994 / 2 * 0.9879 / (1 + np.exp(-4.4))  # G = 0.5 lies at the sigmoid's middle
    assert q_abf(ramp, ramp, ramp // 2) == pytest.approx(expected, abs=1e-9)


def test_q_y_matches_the_definition_window_by_window():
    sharp, other = texture(5, 12), texture(6, 12)
    near, far, fused = sharp, (sharp // 2 + other // 2), np.maximum(sharp, other)
    weights = np.exp(-((np.arange(7) - 3) ** 2) / (2 * 1.5**2))
    weights = np.outer(weights, weights) / weights.sum() ** 2

    def moments(a, b):
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        return mean_a, mean_b, (weights * (a - mean_a) * (b - mean_b)).sum()

    def similarity(a, b):
        mean_a, mean_b, covariance = moments(a, b)
        spread = moments(a, a)[2] + moments(b, b)[2]
        return 4 * mean_a * mean_b * covariance / (mean_a**2 + mean_b**2) / spread

    scores, branches = [], set()
    for y, x in np.ndindex(6, 6):
        a, b, f = (i[y : y + 7, x : x + 7].astype(float) for i in (near, far, fused))
        share = moments(a, a)[2] / (moments(a, a)[2] + moments(b, b)[2])
        alike = similarity(a, b) >= 0.75
        branches.add(alike)
        s_af, s_bf = similarity(a, f), similarity(b, f)
        scores.append(share * s_af + (1 - share) * s_bf if alike else max(s_af, s_bf))
    assert branches == {True, False}
    assert q_y(near, far, fused) == pytest.approx(np.mean(scores), abs=1e-6)


def test_q_abf_without_an_edge_is_refused():
    flat = np.full((8, 8), 7, np.uint8)
    with pytest.raises(InputError, match="edge"):
        q_abf(flat, flat, flat)
