"""Stacks that are good say nothing; what is wrong with the others is found and named."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.diagnostics.diagnose import check_pair, diagnose, shares_of
from napari_focusstack.diagnostics.similarity import correlation
from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import images_in, read_image

RNG = np.random.default_rng(1)


def real_stack(folder):
    return (read_image(path) for path in images_in(folder))


@pytest.mark.parametrize(("count", "side", "slope"), [(8, 96, 1.0), (12, 192, 0.4), (5, 64, 2.0)])
def test_good_stacks_have_no_findings(make_stack, count, side, slope):
    for noise, seed in product((0.0, 0.05), range(3)):
        good = make_stack(count, side, slope, noise, seed)
        for planes in (good, good[::-1]):
            assert diagnose(planes).messages() == [], (noise, seed)


def test_a_thin_specimen_has_no_findings(make_stack):
    for focus in (0, 1, 2.3, 4):
        assert diagnose(make_stack(8, 128, noise=0.02, flat=focus)).messages() == []


def test_small_shifts_between_planes_have_no_findings(make_stack):
    steady = make_stack(10, 192, 0.8)
    moved = [ndimage.shift(p, RNG.normal(0, 1, 2), order=1, mode="nearest") for p in steady]
    assert diagnose(moved).messages() == []


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_dtypes_and_colours_give_the_same_diagnosis(stack, dtype):
    scale = {"uint16": 200, "float32": 1 / 255}[dtype]
    scaled = [(plane * np.float64(scale)).astype(dtype) for plane in stack]
    coloured = [np.stack([plane, plane, plane], -1) for plane in scaled]
    reference = diagnose(stack)
    for other in (scaled, coloured):
        found = diagnose(other)
        np.testing.assert_allclose(found.sharpness, reference.sharpness, rtol=1e-3)
        np.testing.assert_allclose(found.steps, reference.steps, rtol=1e-3)
        assert found.messages() == []


def test_sharpness_over_z_peaks_at_the_plane_in_focus(make_stack):
    found = diagnose(make_stack(9, noise=0.03, flat=5))
    assert found.sharpness.argmax() == 5
    assert (np.diff(found.sharpness[:6]) > 0).all()
    assert (np.diff(found.sharpness[5:]) < 0).all()


def test_a_plane_twice_is_found_whatever_the_noise(stack):
    noise = RNG.normal(0, 3, stack[4].shape)
    again = (stack[4] + noise).clip(0, 255).round().astype(np.uint8)
    for copy in (stack[4], again):
        found = diagnose([*stack[:5], copy, *stack[5:]])
        assert found.duplicates == ((5, 6),)
        assert found.messages() == [
            "Planes 5 and 6 show the same image: one is a copy, or focus did not move."
        ]


def test_a_copy_far_away_is_found(stack):
    found = diagnose([*stack, stack[1]])
    assert found.duplicates == ((2, 9),)
    assert len(found.messages()) == 1


def test_swapped_planes_are_named(stack):
    stack[2], stack[3] = stack[3], stack[2]
    assert diagnose(stack).messages() == ["Planes 3 and 4 seem to be swapped."]
    stack[1], stack[6] = stack[6], stack[1]
    assert diagnose(stack).order == (1, 7, 4, 3, 5, 6, 2, 8)


def test_files_sorted_as_words_are_put_in_order(make_stack):
    planes = make_stack(12, 96)
    words = sorted(range(12), key=lambda plane: str(plane + 1))
    found = diagnose([planes[plane] for plane in words])
    assert [words[plane - 1] for plane in found.order] == list(range(12))
    assert found.misplaced == (2, 3, 4)


@pytest.mark.parametrize("lost", [3, 4])
def test_a_lost_plane_leaves_a_gap(stack, lost):
    del stack[lost]
    found = diagnose(stack)
    assert found.gaps == ((lost, lost + 1),)
    assert found.steps.argmax() == lost - 1
    assert found.steps[lost - 1] > 1.5
    assert len(found.messages()) == 1


def test_a_foreign_plane_is_named_and_spoils_nothing_else(stack, make_stack):
    found = diagnose([*stack[:3], make_stack(seed=5)[3], *stack[3:]])
    assert found.unrelated == (4,)
    assert found.messages() == [
        "Plane 4 resembles no other plane; check that it belongs to this stack."
    ]
    np.testing.assert_array_equal(np.isnan(found.steps), np.isin(np.arange(8), [2, 3]))


def test_two_unlike_pictures_do_not_belong_together(stack, make_stack):
    assert diagnose([stack[0], make_stack(seed=5)[3]]).unrelated == (1, 2)
    assert diagnose(stack[:2]).messages() == []


@pytest.mark.parametrize("nothing", ["dark", "noise"])
def test_a_plane_that_shows_nothing_is_named(stack, nothing):
    empty = np.zeros_like(stack[0])
    if nothing == "noise":
        empty = RNG.integers(0, 30, stack[0].shape).astype(np.uint8)
    found = diagnose([*stack[:5], empty, *stack[5:]])
    assert found.blank == (6,)
    assert found.sharpness[5] == 0
    assert len(found.messages()) == 1


@pytest.mark.parametrize("blank", [3, 4])
def test_a_long_step_over_a_plane_that_shows_nothing_is_no_gap(stack, blank):
    stack[blank] = np.zeros_like(stack[0])
    found = diagnose(stack)
    assert (found.blank, found.gaps) == ((blank + 1,), ())
    assert len(found.messages()) == 1


def test_nothing_but_nothing_is_no_error(stack):
    assert diagnose([np.zeros_like(stack[0])] * 3).blank == (1, 2, 3)


def test_a_jump_of_exposure_is_reported_with_its_size(stack):
    stack[3] = (0.7 * stack[3]).astype(np.uint8)
    found = diagnose(stack)
    assert list(found.flicker) == [4]
    assert np.isclose(found.flicker[4], 0.7, atol=0.03)
    assert found.messages()[0].startswith("Brightness jumps by up to 3")
    assert len(found.messages()) == 1


def test_planes_that_give_nothing_are_redundant(stack):
    labels = np.full(stack[0].shape, 2, np.uint8)
    labels[:40] = 5
    labels[0, :4] = 7
    labels[-1] = 0
    found = diagnose(stack, labels)
    assert found.redundant == (1, 3, 4, 6, 7, 8)
    assert found.shares.sum() == 1
    assert found.messages()[-1].startswith("Planes 1, 6 to 8 give less than 0.1% of the")


def test_planes_are_read_once_and_let_go(make_stack):
    large = np.kron(make_stack(2, 128)[0], np.ones((8, 8), np.uint8))[..., None].repeat(3, 2)
    sizes = []
    for count in (4, 16):
        tracemalloc.start()
        diagnose(np.roll(large, shift, 0) for shift in range(count))
        sizes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 12 * 1.5e6  # of 3 MB each


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda planes: planes[:1], "1 planes"),
        (lambda planes: [*planes[:2], planes[2][:, :80]], r"plane 3 uint8 \(96, 80\)"),
        (lambda planes: [planes[0], planes[1].astype(np.uint16)], "plane 2 uint16"),
        (lambda planes: [plane.astype(complex) for plane in planes], "is of type complex128"),
        (lambda planes: [plane[:12] for plane in planes], "at least 16 px"),
        (lambda planes: [plane[None, None] for plane in planes], r"give \(Y, X\)"),
        (lambda planes: [planes[0] * np.float32(np.nan)] * 2, "plane 1 holds NaN"),
    ],
)
def test_what_is_no_stack_is_named(stack, spoil, message):
    with pytest.raises(InputError, match=message):
        diagnose(spoil(stack))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((96, 90), int), r"\(96, 90\); give \(96, 96\)"),
        (np.full((96, 96), 9), "9..9, but there are 8 planes"),
        (np.ones((96, 96)), "float64; give integers"),
    ],
)
def test_labels_that_do_not_fit_are_named(stack, labels, message):
    with pytest.raises(InputError, match=message):
        diagnose(stack, labels)


def test_shares_leave_out_what_comes_from_no_plane():
    np.testing.assert_allclose(shares_of(np.array([[0, 1], [3, 3]]), 3), [1 / 3, 0, 2 / 3])
    assert shares_of(np.zeros((2, 2), int), 3).sum() == 0


def test_a_real_16_bit_stack_is_left_in_peace(shared_data):
    found = diagnose(real_stack(shared_data / "dev" / "isl_phase_z13"))
    assert found.messages() == []


def test_lost_planes_of_a_real_stack_are_found_where_file_numbers_jump(shared_data):
    folder = shared_data / "dev" / "beetle_z28"
    numbers = np.array([int(path.stem[-4:]) for path in images_in(folder)])
    found = diagnose(real_stack(folder))
    jumps = [(int(at) + 1, int(at) + 2) for at in np.flatnonzero(np.diff(numbers) > 1)]
    assert list(found.gaps) == jumps[1:]  # the first step has none before it
    assert found.order == found.unrelated == found.duplicates == ()
    assert max(abs(ratio - 1) for ratio in found.flicker.values()) > 0.2


def test_planes_taken_again_at_the_end_of_a_real_stack_are_found(shared_data):
    found = diagnose(real_stack(shared_data / "dev" / "scorpion_z14"))
    assert found.misplaced == (12, 13, 14)
    assert found.duplicates == ((3, 4),)
    assert found.flicker == {}


def test_a_pair_of_one_scene_passes_and_one_of_two_scenes_is_refused(make_stack):
    near = make_stack(5, 96, 1.0)[0]
    dark_and_blurred = 0.3 * ndimage.gaussian_filter(near, 8) + 0.1
    check_pair([near, dark_and_blurred])
    check_pair([near, np.full_like(near, 0.5)])  # nothing there is no other scene

    with pytest.raises(InputError, match=r"show different things \(correlation -?0\.[01]\d\)"):
        check_pair([near, make_stack(5, 96, 1.0, 0.0, 4)[0]])


def test_a_copy_that_was_moved_and_rounded_is_still_one():
    rng = np.random.default_rng(1)
    scene = rng.random((96, 96)).astype(np.float32)
    planes = [
        200 * ndimage.gaussian_filter(scene, 1 + z) + rng.normal(0, 2, scene.shape)
        for z in range(6)
    ]
    copy = planes[2] + rng.choice([-1, 0, 1], scene.shape, p=[0.01, 0.98, 0.01])
    stack = [plane.astype(np.float32) for plane in (*planes[:3], copy, *planes[3:])]
    assert diagnose(stack).duplicates == ((3, 4),)
    assert diagnose([plane.astype(np.float32) for plane in planes]).duplicates == ()


def test_a_plane_that_failed_is_named_and_nothing_else_is_said_of_it(make_stack):
    stack = make_stack(8, 192, 0.5)
    failed = ndimage.gaussian_filter(stack[3].astype(np.float32), 5).astype(np.uint8)
    found = diagnose([*stack[:3], failed, *stack[4:]])
    assert found.blurred == (4,)
    assert len(found.messages()) == 1


def test_planes_are_correlated_once_even_if_one_has_failed(make_stack, monkeypatch):
    stack = make_stack(8, 192, 0.5)
    stack[3] = ndimage.gaussian_filter(stack[3].astype(np.float32), 5).astype(np.uint8)
    counts = []
    for module in ("diagnose", "blurred"):
        monkeypatch.setattr(
            f"napari_focusstack.diagnostics.{module}.correlation",
            lambda summaries: counts.append(len(summaries)) or correlation(summaries),
        )
    assert diagnose(stack).blurred == (4,)
    assert counts == [8]
