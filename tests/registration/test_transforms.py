"""Planes that drift, rotate and breathe come to lie on each other; those that lie still stay."""

import json

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import composite_defocused
from napari_focusstack.parameters import FuseParameters, RegistrationParameters
from napari_focusstack.registration.align import align
from napari_focusstack.registration.register import register, register_steps
from napari_focusstack.registration.transforms import IDENTITY, Registration
from napari_focusstack.registration.warp import BLOCK_PX
from napari_focusstack.runtime.progress import Progress, run

SIDE, COUNT, PAD = 192, 7, 32
SIZE = (SIDE, SIDE)


def similarity(down=0.0, along=0.0, degrees=0.0, scale=1.0, size=SIZE):
    """From (row, column, 1) of the scene to the same in a plane that moved."""
    centre = (np.array(size) - 1) / 2
    angle = np.radians(degrees)
    rotation_scale = scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = rotation_scale, centre - rotation_scale @ centre + (down, along)
    return matrix


def as_tuples(matrix):
    return tuple(map(tuple, np.asarray(matrix, float).tolist()))


def texture(side, seed):
    """Structure at several scales, (1, side, side), 0 to 1."""
    noise = np.random.default_rng(seed).standard_normal((side, side))
    field = sum(ndimage.gaussian_filter(noise, s) * s for s in (1, 3, 9))
    return torch.from_numpy(0.5 + 0.5 * np.tanh(1.5 * field)).float()[None]


def stack(motions, *, seed=0, step_px=0.7, veiled=False):
    """Planes of a scene whose focus sweeps through them, (SIDE, SIDE) float32, moved."""
    side = SIDE + 2 * PAD
    light = texture(side, seed)
    mesh = torch.zeros(1, side, side)
    mesh[:, ::48, :], mesh[:, 1::48, :], mesh[:, :, ::56] = 1, 1, 1
    planes = []
    for number, motion in enumerate(motions):
        plane = blur(light, 0.3 + step_px * abs(len(motions) - 1 - number))
        if veiled:
            plane = composite_defocused(torch.ones(1, 1, 1), mesh, plane, 0.3 + step_px * number)
        back = np.linalg.inv(motion)
        planes.append(
            ndimage.affine_transform(
                plane[0].numpy(), back[:2, :2], back[:2, 2] + PAD, output_shape=SIZE
            )
        )
    return planes


def worst_px(registration, motions):
    """How far any corner is placed wrongly, against the plane that stays put."""
    corners = np.array([[0, 0, SIDE, SIDE], [0, SIDE, 0, SIDE], [1, 1, 1, 1]])
    home = np.linalg.inv(motions[len(motions) // 2])
    return max(
        np.hypot(*((np.array(found) - true @ home) @ corners)[:2]).max()
        for found, true in zip(registration.matrices, motions, strict=True)
    )


DRIFT = [similarity(1.7 * n, -1.2 * n + 0.3 * (n % 2), 0.15 * n, 1.004**n) for n in range(COUNT)]


def test_drift_turn_and_breathing_are_found_below_half_a_pixel():
    found = register(stack(DRIFT))
    assert worst_px(found, DRIFT) < 0.5
    assert max(found.moved_px) > 6
    assert found.matrices[COUNT // 2] == IDENTITY
    assert found.reason.startswith("planes drift by up to ")
    assert "rotate by " in found.reason
    assert " breathe by 2.4" in found.reason or " breathe by 2.3" in found.reason


def test_a_veil_before_the_scene_misleads_by_little():
    assert worst_px(register(stack(DRIFT, veiled=True)), DRIFT) < 1


@pytest.mark.parametrize("veiled", [False, True])
@pytest.mark.parametrize("step_px", [0.5, 2.0])
def test_planes_that_lie_still_stay_bit_for_bit(veiled, step_px):
    rng = np.random.default_rng(3)
    still = stack([np.eye(3)] * COUNT, step_px=step_px, veiled=veiled)
    planes = [
        np.clip(plane * 60000 + rng.normal(0, 300, SIZE), 0, 65535).astype(np.uint16)
        for plane in still
    ]
    found = register(planes)
    assert found.is_identity
    assert found.reason == "the planes lie still"
    assert found.warp(planes[2], 3) is planes[2]
    assert found.common() == (slice(0, SIDE), slice(0, SIDE))


@pytest.mark.parametrize("kind", ["uint8", "uint16", "rgb", "float32"])
def test_every_kind_of_plane_is_registered(kind):
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


def test_registered_planes_lie_on_each_other():
    planes = stack(DRIFT, step_px=0.0)
    found = register(planes)
    rows, columns = found.common()
    first, middle = (found.warp(planes[n], n + 1)[rows, columns] for n in (0, COUNT // 2))
    before = planes[0][rows, columns] - middle
    assert np.std(first - middle) < 0.2 * np.std(before)


def test_a_small_drift_between_neighbours_that_adds_up_is_noticed():
    motions = [similarity(0.25 * n, 0) for n in range(9)]
    found = register(stack(motions, step_px=0.3))
    assert not found.is_identity
    assert worst_px(found, motions) < 0.4


def test_a_single_plane_that_was_bumped_is_put_back():
    motions = [similarity(5, -4) if n == 2 else np.eye(3) for n in range(COUNT)]
    found = register(stack(motions))
    assert found.moved_px[2] == pytest.approx(np.hypot(5, 4), abs=0.3)
    assert worst_px(found, motions) < 0.5


def test_the_model_limits_what_may_move():
    planes = stack(DRIFT)
    shifted = np.array(register(planes, model="shift").matrices)
    rigid = np.array(register(planes, model="rigid").matrices)
    assert (shifted[:, :2, :2] == np.eye(2)).all()
    np.testing.assert_allclose(np.linalg.det(rigid[:, :2, :2]), 1, atol=1e-9)
    assert abs(rigid[0, 1, 0]) > 0.005  # 0.45 degrees


def test_off_leaves_planes_that_moved():
    found = register(stack(DRIFT), register="off")
    assert found.is_identity
    assert found.reason == "registration is off"


def test_each_plane_is_read_once_and_in_order():
    planes, reads = stack(DRIFT), []

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


def test_progress_counts_the_planes():
    steps = list(register_steps(stack(DRIFT), RegistrationParameters()))
    assert steps == [Progress("matching planes", n, COUNT) for n in range(COUNT)]


@pytest.mark.parametrize("place", [0, 3, COUNT - 1])
def test_a_plane_of_another_scene_is_named(place):
    planes = stack([np.eye(3)] * COUNT)
    planes[place] = stack([np.eye(3)], seed=9)[0]
    with pytest.raises(InputError, match=rf"plane {place + 1} does not match the others around"):
        register(planes)


def test_planes_of_two_scenes_are_told_apart():
    planes = [*stack([np.eye(3)] * COUNT)[:4], *stack([np.eye(3)] * COUNT, seed=9)[4:]]
    with pytest.raises(InputError, match=r"planes 5 to 7 do not match the others .* stack, or"):
        register(planes)


@pytest.mark.parametrize("count", [2, COUNT])
def test_planes_that_do_not_belong_are_not_fused_unless_nobody_looks(count):
    planes = stack([np.eye(3)] * count)
    planes[-1] = stack([np.eye(3)], seed=9)[0]
    with pytest.raises(InputError, match=r"does not match the others|show different things"):
        run(align(list(planes), FuseParameters()))

    left, found = run(align(list(planes), FuseParameters(register="off")))

    assert found is None
    assert all(one is other for one, other in zip(left, planes, strict=True))


def test_a_plane_that_shows_only_noise_is_no_stranger():
    planes = stack(DRIFT)
    planes[0] = np.random.default_rng(1).normal(0.5, 0.005, SIZE).astype(np.float32)
    assert worst_px(register(planes), [np.array(DRIFT[1]), *DRIFT[1:]]) < 0.6


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


def test_a_choice_that_is_none_is_refused():
    with pytest.raises(InputError, match="register is 'maybe'; choose one of auto, on, off"):
        RegistrationParameters(register="maybe")


def fine(shape, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_whole_pixels_keep_their_values(dtype):
    plane = fine((40, 50, 3), dtype)
    moved = Registration((as_tuples(similarity(3, -7, size=(40, 50))),), (40, 50)).warp(plane, 1)
    np.testing.assert_array_equal(moved[:37, 7:], plane[3:, :-7])
    assert (moved[:37, :7] == plane[3:, :1]).all()  # the border continues


@pytest.mark.parametrize("motion", [similarity(3, -7), similarity(2.3, -4.6, 1.5, 1.02)])
def test_a_region_is_the_crop_of_the_whole(motion):
    size = (BLOCK_PX + 60, BLOCK_PX + 90)
    plane = fine((*size, 3), "uint16")
    registration = Registration((IDENTITY, as_tuples(motion)), size)
    region = (slice(BLOCK_PX - 33, BLOCK_PX + 41), slice(17, -5))
    np.testing.assert_array_equal(
        registration.warp(plane, 2, region), registration.warp(plane, 2)[region]
    )
    np.testing.assert_array_equal(registration.warp(plane, 1, region), plane[region])
    assert registration.warp(plane, 2, (slice(4, 4), slice(0, 9))).shape == (0, 9, 3)


def test_a_wave_is_moved_to_where_it_belongs():
    motion = similarity(2.3, -4.6, 1.5, 1.02)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    there = np.tensordot(motion[:2], np.stack([rows, columns, np.ones(SIZE)]), 1)

    def wave(row, column):
        return np.sin(0.3 * row) * np.cos(0.25 * column)

    registration = Registration((as_tuples(motion),), SIZE)
    moved = registration.warp(wave(rows, columns).astype(np.float32), 1)
    error = (moved - wave(*there))[registration.valid(1)]
    assert np.sqrt(np.mean(error**2)) < 0.01


def test_an_edge_does_not_ring():
    plane = np.where(np.arange(64) < 32, 10, 200).astype(np.uint8) * np.ones((64, 1), np.uint8)
    moved = Registration((as_tuples(similarity(0.4, 0.6, 0.5, size=(64, 64))),), (64, 64)).warp(
        plane, 1
    )
    assert moved.min() == 10
    assert moved.max() == 200


def test_only_the_pixels_that_a_region_needs_are_read():
    class Counted:
        shape, dtype, read = (2000, 2000), np.dtype("uint8"), 0

        def __getitem__(self, region):
            values = np.zeros(self.shape, self.dtype)[region]
            self.read += values.size
            return values

    plane = Counted()
    motion = as_tuples(similarity(2.5, 1, 0.2, size=plane.shape))
    Registration((motion,), plane.shape).warp(plane, 1, (slice(600, 700), slice(600, 700)))
    assert plane.read < 540**2


def test_common_is_what_every_plane_shows():
    motions = [similarity(4.5, -3.2, 0.8, 1.01), np.eye(3), similarity(-2.5, 6.1, -0.4, 0.98)]
    registration = Registration(tuple(map(as_tuples, motions)), SIZE)
    rows, columns = registration.common()
    everywhere = np.logical_and.reduce([registration.valid(n) for n in (1, 2, 3)])
    assert everywhere[rows, columns].all()
    assert everywhere[rows, columns].size > 0.9 * everywhere.sum()


def test_planes_that_share_nothing_have_nothing_in_common():
    away = as_tuples(similarity(SIDE + 3, 0))
    with pytest.raises(InputError, match="the planes share no pixel once they are registered"):
        Registration((IDENTITY, away), SIZE, reason="planes drift").common()


def test_a_saved_registration_serves_another_channel(tmp_path):
    found = register(stack(DRIFT))
    found.save(tmp_path / "registration.json")
    again = Registration.load(tmp_path / "registration.json")
    assert again == found
    channel = fine(SIZE, "uint16")
    again.check([channel] * COUNT)
    np.testing.assert_array_equal(again.warp(channel, 1), found.warp(channel, 1))


def test_a_registration_of_another_stack_is_refused():
    registration = Registration.identity(3, (40, 50))
    with pytest.raises(InputError, match="of 3 planes, the stack has 4; register it anew"):
        registration.check(np.zeros((4, 40, 50)))
    with pytest.raises(InputError, match="plane 1 is 40 x 60 px, the registration of 40 x 50 px"):
        registration.check(np.zeros((3, 40, 60, 3)))
    with pytest.raises(InputError, match="plane 2 is 50 x 40 px"):
        registration.warp(np.zeros((50, 40)), 2)
    with pytest.raises(InputError, match="there is no plane 4; choose 1 to 3"):
        registration.valid(4)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("size", None, "has no size"),
        ("size", [40.5, 50], "size is"),
        ("size", [40, True], "size is"),
        ("size", 40, "size is 40"),
        ("model", "affine", "model is 'affine'; choose one of shift, rigid, similarity"),
        ("matrices", [], "has no matrices"),
        ("matrices", 5, "matrices are no list"),
        ("matrices", [IDENTITY, [[1, 0], [0, 1]]], "registration of plane 2 is no 3 x 3 matrix"),
        ("matrices", [[[1, 0, "x"], [0, 1, 0], [0, 0, 1]]], "plane 1 is no 3 x 3 matrix"),
        ("matrices", [[[1, 0, float("nan")], [0, 1, 0], [0, 0, 1]]], "plane 1 is no 3 x 3"),
        ("matrices", [[[1, 0, 0], [0, 0, 0], [0, 0, 1]]], "plane 1 is no 3 x 3"),
        ("matrices", [[[1, 0, 0], [0, 1, 0], [0, 1, 1]]], "plane 1 is no 3 x 3"),
    ],
)
def test_a_registration_that_is_none_is_refused(tmp_path, key, value, message):
    told = Registration.identity(2, (40, 50)).to_dict() | {key: value}
    (tmp_path / "r.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=message):
        Registration.load(tmp_path / "r.json")


@pytest.mark.parametrize("text", ["", "[1, 2]", "no JSON", "\udcff"])
def test_a_file_that_is_no_registration_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError):
        Registration.load(tmp_path / "r.json")
    with pytest.raises(InputError, match=r"cannot read .*missing"):
        Registration.load(tmp_path / "missing.json")


@pytest.mark.shared
def test_a_macro_stack_breathes_and_lies_on_itself_afterwards(shared_data):
    from PIL import Image

    files = sorted((shared_data / "dev" / "beetle_z28").glob("*.jpg"))[::3]
    planes = [np.asarray(Image.open(file)) for file in files]
    found = register(planes)
    scale = np.sqrt(np.linalg.det(np.array(found.matrices)[:, :2, :2]))
    assert np.ptp(scale) == pytest.approx(0.033, abs=0.003)
    assert (np.diff(scale) > 0).all()
