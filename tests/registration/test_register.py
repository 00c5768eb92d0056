"""How the planes of a stack moved: shift, rotation and breathing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import RegistrationParameters
from napari_focusstack.registration.register import register, register_steps
from napari_focusstack.registration.transforms import IDENTITY

SIDE, COUNT = 192, 7
SIZE = (SIDE, SIDE)


def worst_px(registration, motions):
    """How far any corner is placed wrongly, against the plane that stays put."""
    corners = np.array([[0, 0, SIDE, SIDE], [0, SIDE, 0, SIDE], [1, 1, 1, 1]])
    home = np.linalg.inv(motions[len(motions) // 2])
    return max(
        np.hypot(*((np.array(found) - true @ home) @ corners)[:2]).max()
        for found, true in zip(registration.matrices, motions, strict=True)
    )


def test_drift_turn_and_breathing_are_found_below_half_a_pixel(drift, stack):
    found = register(stack(drift))
    assert worst_px(found, drift) < 0.5
    assert max(found.moved_px) > 6
    assert found.matrices[COUNT // 2] == IDENTITY
    assert found.reason.startswith("planes drift by up to ")
    assert "rotate by " in found.reason
    assert " breathe by 2.4" in found.reason or " breathe by 2.3" in found.reason


def test_an_occluding_mesh_causes_an_error_below_a_pixel(drift, stack):
    assert worst_px(register(stack(drift, occluded=True)), drift) < 1


@pytest.mark.parametrize("occluded", [False, True])
@pytest.mark.parametrize("step_px", [0.5, 2.0])
def test_planes_that_lie_still_stay_bit_for_bit(stack, occluded, step_px):
    rng = np.random.default_rng(3)
    still = stack([np.eye(3)] * COUNT, step_px=step_px, occluded=occluded)
    planes = [
        np.clip(plane * 60000 + rng.normal(0, 300, SIZE), 0, 65535).astype(np.uint16)
        for plane in still
    ]
    found = register(planes)
    assert found.is_identity
    assert found.reason == "the planes lie still"
    assert found.warp(planes[2], 3) is planes[2]
    assert found.common() == (slice(0, SIDE), slice(0, SIDE))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_blur_of_crossing_bars_is_no_magnification(seed):
    rng = np.random.default_rng(seed)
    ground = gaussian_filter(rng.random((160, 160)), 1.5)
    ground = 0.3 + 0.02 * (ground - ground.mean()) / ground.std()
    rows, columns = abs(np.mgrid[:160, :160] - 80)
    alpha = gaussian_filter(np.float64((rows < 8) | (columns < 8)), 0.7)
    bars = alpha * (0.8 + 0.1 * gaussian_filter(rng.random((160, 160)), 1.0))
    planes = [
        gaussian_filter(bars, 0.3 * n)
        + (1 - gaussian_filter(alpha, 0.3 * n)) * gaussian_filter(ground, 0.3 * (11 - n))
        + rng.normal(0, 0.002, (160, 160))
        for n in range(12)
    ]
    assert register(np.float32(planes)).reason == "the planes lie still"


@pytest.mark.parametrize("kind", ["uint8", "uint16", "rgb", "float32"])
def test_every_kind_of_plane_is_registered(similarity, stack, kind):
    motions = [similarity(2.5 * n, -1.5 * n) for n in range(3)]
    peak = {"uint8": 255, "rgb": 255, "uint16": 4095, "float32": 0.01}[kind]
    dtype = {"rgb": np.uint8}.get(kind) or np.dtype(kind)
    planes = [(plane * peak).astype(dtype) for plane in stack(motions)]
    if kind == "rgb":
        planes = [np.repeat(plane[..., None], 3, 2) for plane in planes]
    found = register(planes)
    assert worst_px(found, motions) < 0.4
    moved = found.warp(planes[0], 1)
    assert moved.dtype == planes[0].dtype
    assert moved.shape == planes[0].shape


def test_registered_planes_lie_on_each_other(drift, stack):
    planes = stack(drift, step_px=0.0)
    found = register(planes)
    rows, columns = found.common()
    first, middle = (found.warp(planes[n], n + 1)[rows, columns] for n in (0, COUNT // 2))
    before = planes[0][rows, columns] - middle
    assert np.std(first - middle) < 0.2 * np.std(before)


def test_a_small_drift_between_neighbours_that_adds_up_is_noticed(similarity, stack):
    motions = [similarity(0.25 * n, 0) for n in range(9)]
    found = register(stack(motions, step_px=0.3))
    assert not found.is_identity
    assert worst_px(found, motions) < 0.4


def test_a_single_plane_that_was_bumped_is_put_back(similarity, stack):
    motions = [similarity(5, -4) if n == 2 else np.eye(3) for n in range(COUNT)]
    found = register(stack(motions))
    assert found.moved_px[2] == pytest.approx(np.hypot(5, 4), abs=0.3)
    assert worst_px(found, motions) < 0.5


def test_the_model_limits_what_may_move(drift, stack):
    planes = stack(drift)
    shifted = np.array(register(planes, model="shift").matrices)
    rigid = np.array(register(planes, model="rigid").matrices)
    assert (shifted[:, :2, :2] == np.eye(2)).all()
    np.testing.assert_allclose(np.linalg.det(rigid[:, :2, :2]), 1, atol=1e-9)
    assert abs(rigid[0, 1, 0]) > 0.005  # 0.45 degrees


def test_off_leaves_planes_that_moved(drift, stack):
    found = register(stack(drift), register="off")
    assert found.is_identity
    assert found.reason == "registration is off"


def test_each_plane_is_read_once_and_in_order(drift, stack):
    planes, reads = stack(drift), []

    class Lazy:
        def __len__(self):
            return len(planes)

        def __getitem__(self, number):
            return Plane(number)

    class Plane:
        def __init__(self, number):
            self.number, self.shape = number, planes[number].shape

        def __array__(self, dtype=None, copy=None):
            reads.append(self.number)
            return planes[self.number]

    assert register(Lazy()) == register(planes)
    assert reads == list(range(COUNT))


def test_progress_counts_the_planes(drift, stack):
    steps = list(register_steps(stack(drift), RegistrationParameters()))
    assert {step.step for step in steps} == {"matching planes"}
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert set(done) == set(range(COUNT))


def test_planes_are_matched_alike_however_many_at_a_time(drift, stack, monkeypatch):
    planes = stack(drift)
    at_once = register(planes)
    monkeypatch.setattr("napari_focusstack.registration.register.PLANES_AT_A_TIME", 3)
    assert register(planes) == at_once


@pytest.mark.parametrize("place", [0, 3, COUNT - 1])
def test_a_plane_of_another_scene_is_named(stack, place):
    planes = stack([np.eye(3)] * COUNT)
    planes[place] = stack([np.eye(3)], seed=9)[0]
    with pytest.raises(InputError, match=rf"plane {place + 1} does not match the others around"):
        register(planes)


def test_planes_of_two_scenes_are_refused_with_their_numbers(stack):
    planes = [*stack([np.eye(3)] * COUNT)[:4], *stack([np.eye(3)] * COUNT, seed=9)[4:]]
    with pytest.raises(InputError, match=r"planes 5 to 7 do not match the others .* stack, or"):
        register(planes)


def test_a_plane_far_out_of_focus_belongs_to_its_stack():
    scene = gaussian_filter(np.random.default_rng(0).random(SIZE), 1.0)
    planes = [np.float32(gaussian_filter(scene, px)) for px in (0, 16)]
    assert register([*planes, 0.5 * planes[1]]).is_identity


def test_a_plane_that_shows_only_noise_is_not_refused(drift, stack):
    planes = stack(drift)
    planes[0] = np.random.default_rng(1).normal(0.5, 0.005, SIZE).astype(np.float32)
    assert worst_px(register(planes), [np.array(drift[1]), *drift[1:]]) < 0.6


@pytest.mark.parametrize(
    ("planes", "message"),
    [
        ([np.zeros(SIZE)], "1 plane given; registration needs at least two"),
        ([np.zeros((64, 64)), np.zeros((64, 65))], "plane 1 is .*, plane 2 .*; give planes of one"),
    ],
)
def test_planes_that_are_no_stack_are_refused(planes, message):
    with pytest.raises(InputError, match=message):
        register(planes)


def test_an_unknown_choice_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="register is 'maybe'; choose one of auto, on, off"):
        RegistrationParameters(register="maybe")


@pytest.mark.shared
def test_a_macro_stack_breathes_and_lies_on_itself_afterwards(shared_data):
    from PIL import Image

    files = sorted((shared_data / "dev" / "beetle_z28").glob("*.jpg"))[::3]
    planes = [np.asarray(Image.open(file)) for file in files]
    found = register(planes)
    scale = np.sqrt(np.linalg.det(np.array(found.matrices)[:, :2, :2]))
    assert np.ptp(scale) == pytest.approx(0.033, abs=0.003)
    assert (np.diff(scale) > 0).all()


def test_crossing_lines_out_of_focus_do_not_look_magnified():
    """Wider lines through one point are what a magnified picture of them shows."""
    rows, columns = np.mgrid[:160, :160]
    lines = (np.abs(columns - 55 - 0.25 * (rows - 110)) < 3) | (
        np.abs(rows - 110 + 0.15 * (columns - 55)) < 3
    )
    texture = 0.02 * gaussian_filter(np.random.default_rng(0).random((160, 160)), 8)
    planes = [gaussian_filter(lines + texture, 0.5 + 0.15 * step) for step in range(40)]
    registration = register([plane.astype(np.float32) for plane in planes])
    assert registration.is_identity
    assert "more than lenses do" in registration.reason
