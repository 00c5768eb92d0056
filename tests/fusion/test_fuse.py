"""fuse(): source pixels bit for bit outside the transition region, the halo removed inside it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import napari_focusstack as nfs
from napari_focusstack.elimination import blockwise as elimination
from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.truth_metrics import mean_iou, psnr
from napari_focusstack.fusion.fuse import fuse_steps
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.segmentation.focus_map import FocusMap

KINDS = pytest.mark.parametrize(
    ("dtype", "grey"),
    [
        ("uint8", True),
        ("uint8", False),
        ("uint16", True),
        ("uint16", False),
        ("float32", True),
        ("float32", False),
    ],
)


def same_bytes(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def assert_source_pixels_outside_the_transition_region(result, near, far):
    """Each pixel outside is that of the plane which its source names, byte for byte."""
    outside = ~result.transition_region & ~result.blended
    from_near, from_far = outside & (result.source == 1), outside & (result.source == 2)
    assert same_bytes(result.image[from_near], near[from_near])
    assert same_bytes(result.image[from_far], far[from_far])
    assert result.image.shape == near.shape
    assert result.image.dtype == near.dtype


@KINDS
@pytest.mark.parametrize("elimination", ["unmix", "subtract"])
def test_outside_the_transition_region_pixels_are_the_sources(scene, dtype, grey, elimination):
    near, far = scene.planes(dtype, grey=grey)
    result = nfs.fuse([near, far], labels=scene.mask, psf=2.0, elimination=elimination)
    region = result.transition_region
    assert 0.05 < region.mean() < 0.5
    assert_source_pixels_outside_the_transition_region(result, near, far)
    assert (result.image != result.initial)[region].mean() > 0.3  # and inside light was computed


@KINDS
def test_the_halo_is_removed_at_every_bit_depth(scene, dtype, grey):
    near, far = scene.planes(dtype, grey=grey)
    result = nfs.fuse([near, far], labels=scene.alpha[0].numpy(), psf=3.0, psf_shape="gaussian")
    sharp = type(scene)(
        scene.foreground, scene.alpha, scene.background, scene.truth, scene.truth, scene.truth
    )
    truth = sharp.planes(dtype, grey=grey)[0]
    if dtype == "float32":
        truth, image, initial = (a / np.float32(7.5) for a in (truth, result.image, result.initial))
    else:
        image, initial = result.image, result.initial
    region = result.transition_region
    assert psnr(image, truth, region) > psnr(initial, truth, region) + 8


def test_the_parameters_of_a_result_repeat_it(pair, alpha, result):
    again = nfs.fuse(pair, labels=alpha, **result.parameters)
    assert same_bytes(again.image, result.image)
    assert again.parameters == result.parameters


def test_networks_estimate_mask_and_blur_and_are_recorded(pair, scene, fsb_weights, keb_weights):
    options = {"fsb_weights": str(fsb_weights), "keb_weights": str(keb_weights), "device": "cpu"}
    result = nfs.fuse(pair, **options)
    assert mean_iou(result.labels == 1, scene.mask) > 0.75
    assert set(result.weights) == {"fsb", "deb", "keb", "seb", "teb"}
    assert all(len(digest) == 64 for digest in result.weights.values())
    assert_source_pixels_outside_the_transition_region(result, *pair)
    again = nfs.fuse(pair, **result.parameters)
    assert same_bytes(again.image, result.image)
    np.testing.assert_array_equal(nfs.segment(pair, **options), result.labels)


def test_tiles_do_not_show(pair, fsb_weights):
    options = {"fsb_weights": fsb_weights, "psf": 2.0, "psf_shape": "gaussian"}
    whole, tiled = (nfs.fuse(pair, tile_px=tile_px, **options) for tile_px in (1024, 64))
    assert same_bytes(whole.labels, tiled.labels)


def test_a_stack_whose_last_plane_is_nearest_gives_the_same(pair, alpha, result):
    options = {"labels": alpha, "psf": 3.0, "psf_shape": "gaussian"}
    reversed_result = nfs.fuse(pair[::-1], near="last", **options)
    assert same_bytes(reversed_result.image, result.image)
    assert same_bytes(reversed_result.labels, result.labels)


def test_an_array_and_a_list_are_one(pair, alpha, result):
    stacked = nfs.fuse(np.stack(pair), labels=alpha, psf=3.0, psf_shape="gaussian")
    assert same_bytes(stacked.image, result.image)


@pytest.mark.parametrize(
    "labels_of",
    [
        lambda mask: np.where(mask, 1, 2),
        lambda mask: mask.astype(np.uint8),
        lambda mask: mask,
        lambda mask: np.where(mask, 255, 0).astype(np.uint8),
    ],
    ids=["1 and 2", "0 and 1", "bool", "0 and 255"],
)
def test_each_way_to_label_gives_the_same_image(pair, scene, labels_of):
    options = {"psf": 3.0, "psf_shape": "gaussian"}
    expected = nfs.fuse(pair, labels=scene.mask, **options)
    assert same_bytes(nfs.fuse(pair, labels=labels_of(scene.mask), **options).image, expected.image)


def test_elimination_none_selects_source_pixels_everywhere(pair, scene, alpha):
    near, far = pair
    result = nfs.fuse(pair, labels=alpha, elimination="none")
    assert same_bytes(result.image, np.where(scene.mask[..., None], near, far))
    assert same_bytes(result.image, result.initial)
    assert not result.transition_region.any()
    assert result.psf is None
    assert result.sigma_px is None
    assert result.consistency is None


@pytest.mark.parametrize(("value", "plane"), [(0, 1), (2, 1), (1, 0)])
def test_labels_of_one_kind_return_that_plane(pair, value, plane):
    labels = np.full(pair[0].shape[:2], value)
    result = nfs.fuse(pair, labels=labels)
    assert same_bytes(result.image, pair[plane])
    assert not result.transition_region.any()


def test_inputs_are_left_alone_and_may_be_read_only(pair, scene, alpha, result):
    planes = [plane.copy() for plane in pair]
    labels = alpha.copy()
    for array in (*planes, labels):
        array.setflags(write=False)
    fused = nfs.fuse(planes, labels=labels, psf=3.0, psf_shape="gaussian")
    assert same_bytes(fused.image, result.image)
    for plane, original in zip(planes, pair, strict=True):
        np.testing.assert_array_equal(plane, original)
    fused.image[:] = 0  # the result is not a view of a source either
    np.testing.assert_array_equal(planes[1], pair[1])


def views(array):
    """The same pixels in other memory: Fortran order, every other pixel, backwards."""
    spread = np.zeros((2 * array.shape[0], 2 * array.shape[1], *array.shape[2:]), array.dtype)
    spread[::2, ::2] = array
    return {
        "fortran": np.asfortranarray(array),
        "strided": spread[::2, ::2],
        "backwards": array[::-1, ::-1].copy()[::-1, ::-1],
    }


@pytest.mark.parametrize("layout", ["fortran", "strided", "backwards"])
def test_any_memory_layout_works(pair, alpha, result, layout):
    planes = [views(plane)[layout] for plane in pair]
    fused = nfs.fuse(planes, labels=views(alpha)[layout], psf=3.0, psf_shape="gaussian")
    assert same_bytes(fused.image, result.image)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_big_endian_planes_work(scene, alpha, dtype):
    planes = scene.planes(dtype, grey=True)
    options = {"labels": alpha, "psf": 3.0, "psf_shape": "gaussian"}
    swapped = [plane.astype(plane.dtype.newbyteorder(">")) for plane in planes]
    assert same_bytes(nfs.fuse(swapped, **options).image, nfs.fuse(planes, **options).image)


def test_progress_is_reported_for_each_part(pair, fsb_weights):
    told = []
    nfs.fuse(pair, fsb_weights=fsb_weights, psf=2.0, tile_px=64, progress=told.append)
    steps = list(dict.fromkeys(each.step for each in told))
    assert steps == [
        "find hot pixels",
        "compare light",
        "segment",
        "find focus",
        "estimate PSF",
        "read surroundings",
        "compare planes",
        "choose sources",
        "check the planes",
        "fuse",
    ]
    assert all(0 <= each.done <= each.total for each in told)
    tiles = [(each.done, each.total) for each in told if each.step == "segment"]
    assert tiles == sorted(tiles)
    assert tiles[-1] == (4, 4)


def test_a_run_can_be_stopped_at_every_step(pair, fsb_weights):
    parameters = FuseParameters(fsb_weights=str(fsb_weights), psf=2.0, tile_px=64)
    for stop_after in range(1, 7):
        steps = fuse_steps(pair, None, parameters)
        for _ in range(stop_after):
            next(steps)
        steps.close()
        assert next(steps, "stopped") == "stopped"


def test_eliminate_is_fuse_with_mask_and_blur_known(pair, alpha, result):
    image = nfs.eliminate(pair, alpha, 3.0, psf_shape="gaussian")
    assert same_bytes(image, result.image)
    subtracted = nfs.eliminate(pair, alpha, 3.0, method="subtract", psf_shape="gaussian")
    assert not same_bytes(subtracted, image)
    selected = nfs.eliminate(pair, alpha, 3.0, method="none")
    assert same_bytes(selected, result.initial)


def test_estimate_psf_returns_sigma(scene, alpha):
    planes = scene.planes("uint16")
    assert nfs.estimate_psf(planes, alpha, psf="reblur") == pytest.approx(3.0, rel=0.08)
    assert nfs.estimate_psf(planes, alpha, psf=2.2) == 2.2


def test_the_coding_matters_and_the_right_one_wins(pair, alpha, scene):
    right, wrong = (
        nfs.fuse(pair, labels=alpha, psf=3.0, psf_shape="gaussian", intensity=intensity)
        for intensity in ("srgb", "linear")
    )
    assert (right.intensity, wrong.intensity) == ("srgb", "linear")
    assert right.consistency < wrong.consistency


BAD_PLANES = {
    "sizes differ": (lambda n, f: [n, f[:-1]], r"\(95, 96, 3\)"),
    "types differ": (lambda n, f: [n, f.astype(np.uint16)], "uint16"),
    "one plane": (lambda n, f: [n], "1 plane"),
    "nan": (lambda n, f: [n + np.float32(0), f + np.float32(np.nan)], "plane 2 is all NaN"),
    "constant": (lambda n, f: [n, np.full_like(f, 9)], r"constant \(9\)"),
    "five channels": (lambda n, f: [np.dstack([p, p[..., :2]]) for p in (n, f)], r"96, 5\)"),
    "complex": (lambda n, f: [n.astype(complex), f.astype(complex)], "complex128"),
    "tiny": (lambda n, f: [n[:8], f[:8]], "8 x 96"),
}


@pytest.mark.parametrize(("change", "message"), BAD_PLANES.values(), ids=BAD_PLANES)
def test_bad_planes_are_refused_by_each_function(pair, alpha, change, message):
    planes = change(*pair)
    with pytest.raises(InputError, match=message):
        nfs.fuse(planes, labels=alpha)
    with pytest.raises(InputError, match=message):
        nfs.segment(planes)
    with pytest.raises(InputError, match=message):
        nfs.estimate_psf(planes, alpha)
    with pytest.raises(InputError, match=message):
        nfs.eliminate(planes, alpha, 2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"psf": "sharp"}, "'sharp'"),
        ({"psf": 0}, "sigma_px is 0"),
        ({"psf": -2.5}, "-2.5"),
        ({"psf_shape": "square"}, "'square'"),
        ({"elimination": "inpaint"}, "'inpaint'"),
        ({"intensity": "gamma"}, "'gamma'"),
        ({"near": "left"}, "'left'"),
        ({"device": "gpu"}, "'gpu'"),
        ({"tile_px": 32}, "32"),
        ({"fsb_weights": "nowhere.safetensors"}, "nowhere.safetensors"),
        ({"psf": "keb", "keb_weights": "nowhere.safetensors"}, "nowhere.safetensors"),
    ],
)
def test_bad_options_are_refused_with_their_value(pair, alpha, options, message):
    labels = None if "fsb_weights" in options else alpha
    with pytest.raises(InputError, match=message):
        nfs.fuse(pair, labels=labels, **options)


def test_an_unknown_option_is_refused_with_its_name(pair):
    with pytest.raises(TypeError, match="sharpness"):
        nfs.fuse(pair, sharpness=3)


def test_bad_labels_are_refused(pair, alpha):
    for labels, message in ((alpha[1:], r"\(95, 96\)"), (np.full((96, 96), 7), "7")):
        with pytest.raises(InputError, match=message):
            nfs.fuse(pair, labels=labels)


@pytest.mark.parametrize("sigma_px", [0, -1, float("nan")])
def test_eliminate_refuses_a_sigma_that_is_no_blur(pair, alpha, sigma_px):
    with pytest.raises(InputError, match=f"sigma_px is {sigma_px}"):
        nfs.eliminate(pair, alpha, sigma_px)


def test_eliminate_refuses_what_it_has_another_name_for(pair, alpha):
    for name in ("psf", "elimination"):
        with pytest.raises(InputError, match=name):
            nfs.eliminate(pair, alpha, 2.0, **{name: "reblur"})
    with pytest.raises(InputError, match="'inpaint'"):
        nfs.eliminate(pair, alpha, 2.0, method="inpaint")


def test_estimate_psf_refuses_a_mask_without_a_boundary(pair):
    with pytest.raises(InputError, match="no boundary"):
        nfs.estimate_psf(pair, np.zeros((96, 96), bool), psf="reblur")


@st.composite
def small_pairs(draw):
    """Two random planes of any accepted kind, with random labels."""
    dtype = np.dtype(draw(st.sampled_from(["uint8", "uint16", "float32"])))
    size = draw(st.tuples(st.integers(16, 24), st.integers(16, 24)))
    shape = size + draw(st.sampled_from([(), (3,)]))
    values = (
        st.integers(0, np.iinfo(dtype).max) if dtype.kind == "u" else st.floats(-1e4, 1e4, width=32)
    )
    planes = [draw(npst.arrays(dtype, shape, elements=values)) for _ in range(2)]
    for plane in planes:
        plane.flat[0] = 0
        plane.flat[-1] = 1
        plane.flat[-2] = 1
        plane.flat[-3] = 1
    labels = draw(
        npst.arrays(np.uint8, size, elements=st.integers(0, 2))
        | npst.arrays(np.float32, size, elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1]))
    )
    return planes, labels


@settings(max_examples=40)
@given(small_pairs(), st.sampled_from([0.15, 0.8, 3.0]), st.sampled_from(["unmix", "subtract"]))
def test_no_pixel_outside_the_transition_region_ever_changes(case, sigma_px, elimination):
    planes, labels = case
    parameters = {"psf": sigma_px, "psf_shape": "gaussian", "elimination": elimination}
    result = nfs.fuse(planes, labels=labels, equalize="off", **parameters)
    assert_source_pixels_outside_the_transition_region(result, *planes)
    assert np.isfinite(result.image).all()


def test_blocks_of_a_larger_image_keep_the_promise(make_scene, monkeypatch):
    monkeypatch.setattr(elimination, "BLOCK_PX", 48)
    scene = make_scene(2.0, side=160)
    near, far = scene.planes("uint8")
    result = nfs.fuse([near, far], labels=scene.mask, psf=2.0)
    assert_source_pixels_outside_the_transition_region(result, near, far)


def test_computed_values_stay_in_the_range_of_the_planes(scene):
    # Too wide a blur asks for more light than there can be: values are clipped and do not wrap.
    near, far = scene.planes("uint16", grey=True)
    near, far = near // 2 + 20000, far // 2 + 20000
    result = nfs.fuse([near, far], labels=scene.mask, psf=8.0, psf_shape="disk")
    lowest, highest = min(near.min(), far.min()), max(near.max(), far.max())
    assert lowest <= result.image.min()
    assert result.image.max() <= highest


def test_the_device_is_where_the_work_is_done(pair, alpha, result):
    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    fused = nfs.fuse(pair, labels=alpha, psf=3.0, psf_shape="gaussian", device="cuda")
    difference = np.abs(fused.image.astype(int) - result.image)
    assert difference.max() <= 1
    np.testing.assert_array_equal(fused.transition_region, result.transition_region)


def source_pixels(result, planes):
    """What the sources select from the planes."""
    rows, columns = np.indices(result.source.shape)
    return np.stack(planes)[result.source.astype(int) - 1, rows, columns]


@pytest.fixture(scope="module")
def focal_stack(make_focal_stack):
    return make_focal_stack(5, 1.5)


@KINDS
def test_the_halo_of_a_stack_is_removed_and_source_pixels_are_kept(focal_stack, dtype, grey):
    planes = focal_stack.planes(dtype, grey=grey)
    result = nfs.fuse(planes, labels=focal_stack.labels, psf="reblur", device="cpu")
    region = result.transition_region
    selected = source_pixels(result, planes)
    assert 0.2 < region.mean() < 0.5
    assert same_bytes(result.image[~region], selected[~region])
    assert same_bytes(result.initial, selected)
    truth = type(focal_stack)([focal_stack.truth], focal_stack.truth, focal_stack.labels)
    sharp = truth.planes(dtype, grey=grey)[0].astype(float)
    before, after = (
        np.square(one - sharp)[region].mean() for one in (result.initial, result.image)
    )
    assert 10 * np.log10(before / after) > 11
    assert result.sigma_px == pytest.approx(1.5, rel=0.12)


@pytest.mark.parametrize(("dtype", "grey"), [("uint8", False), ("uint16", True), ("float32", True)])
def test_a_stack_is_fused_end_to_end(focal_stack, dtype, grey):
    planes = focal_stack.planes(dtype, grey=grey)
    result = nfs.fuse(planes, device="cpu")
    assert (np.abs(result.labels.astype(int) - focal_stack.labels) <= 1).mean() > 0.95
    assert result.sigma_px == pytest.approx(1.5, rel=0.06)
    # surfaces tell the blur, so that KEB is not asked
    assert set(result.weights) == {"deb", "meb", "seb", "teb"}
    outside = ~result.transition_region & ~result.blended
    assert same_bytes(result.image[outside], source_pixels(result, planes)[outside])
    np.testing.assert_array_equal(nfs.segment(planes, device="cpu"), result.labels)
    again = nfs.fuse(planes, **result.parameters)
    assert same_bytes(again.image, result.image)


def test_elimination_none_of_a_stack_is_a_bit_exact_selection(focal_stack):
    planes = focal_stack.planes("uint16")
    result = nfs.fuse(planes, elimination="none", blend="none", device="cpu")
    assert same_bytes(result.image, source_pixels(result, planes))
    assert not result.blended.any()
    assert same_bytes(result.image, result.initial)
    assert not result.transition_region.any()
    assert (result.psf, result.sigma_px, result.consistency) == (None, None, None)
    assert result.plain == result.figures()["plain"] == "elimination is none"


def test_what_is_wrong_with_the_planes_is_found_and_said(focal_stack):
    planes = focal_stack.planes()
    result = nfs.fuse([planes[at] for at in (0, 2, 1, 3, 4)], elimination="none", device="cpu")
    assert result.diagnosis.order == (1, 3, 2, 4, 5)
    assert result.figures()["findings"] == result.diagnosis.messages()
    from_far = nfs.fuse(
        [planes[at] for at in (4, 3, 1, 2, 0)], near="last", elimination="none", device="cpu"
    )
    assert from_far.findings == ["Planes 3 and 4 seem to be swapped."]  # as the planes are given
    good = nfs.fuse(planes, elimination="none", device="cpu")
    assert good.diagnosis.order == ()


def test_a_pair_and_given_labels_are_not_diagnosed(focal_stack, scene):
    given = nfs.fuse(focal_stack.planes(), labels=focal_stack.labels, elimination="none")
    pair = nfs.fuse(scene.planes(), elimination="none", device="cpu")
    assert given.diagnosis is None
    assert pair.diagnosis is None
    assert pair.figures()["findings"] == []


@pytest.mark.parametrize("value", [0, 1, 3, 5])
def test_labels_of_one_plane_return_it(focal_stack, value):
    planes = focal_stack.planes()
    result = nfs.fuse(planes, labels=np.full((96, 96), value))
    assert same_bytes(result.image, planes[value - 1])
    assert result.plain == "nothing lies in front of anything else"


def test_the_focus_of_one_channel_serves_another(focal_stack):
    red, green = (
        [plane[..., channel].copy() for plane in focal_stack.planes("uint16")] for channel in (0, 1)
    )
    first = nfs.fuse(red, device="cpu")
    second = nfs.fuse(green, labels=first.focus, device="cpu")
    np.testing.assert_array_equal(second.depth, first.depth)
    np.testing.assert_array_equal(second.alpha, first.alpha)
    assert second.sigma_px == pytest.approx(first.sigma_px, rel=0.05)
    assert set(second.weights) == {"seb", "teb"}
    outside = ~second.transition_region & ~second.blended
    assert same_bytes(second.image[outside], source_pixels(second, green)[outside])


def test_a_specimen_within_the_depth_of_field_is_selected_and_the_reason_is_said(focal_stack):
    """Where no surface lies clearly in front of another, no blur can be measured: no failure."""
    planes = focal_stack.planes()
    slope = torch.linspace(2.6, 3.4, 96).repeat(1, 96, 1)
    focus = FocusMap.of_depth(slope, 5)
    for psf in ("keb+reblur", "reblur", 2.0):
        result = nfs.fuse(planes, labels=focus, psf=psf, device="cpu")
        assert same_bytes(result.image, result.initial)
        assert "no surface lies clearly in front of another" in result.plain
        assert result.figures()["sigma_px"] is None
    with pytest.raises(InputError, match="no surface lies clearly in front of another"):
        nfs.estimate_psf(planes, np.full((96, 96), 3), psf="reblur")


def test_planes_on_disk_give_what_arrays_give(focal_stack, tmp_path):
    from napari_focusstack.io.reading.plane_store import open_planes
    from napari_focusstack.io.writing.image import write_image

    planes = focal_stack.planes("uint16")
    for number, plane in enumerate(planes):
        write_image(tmp_path / f"z{number}.tif", plane)
    options = {"labels": focal_stack.labels, "psf": 1.5}
    expected = nfs.fuse(planes, **options)
    with open_planes(tmp_path) as stored:
        assert same_bytes(nfs.fuse(stored.planes, **options).image, expected.image)


@st.composite
def small_stacks(draw):
    """Three to five small random planes of any accepted kind, with random labels."""
    dtype = np.dtype(draw(st.sampled_from(["uint8", "uint16", "float32"])))
    size = draw(st.tuples(st.integers(16, 20), st.integers(16, 20)))
    shape = size + draw(st.sampled_from([(), (3,)]))
    count = draw(st.integers(3, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = np.iinfo(dtype).max if dtype.kind == "u" else 1e4
    planes = [(rng.random(shape) * top).astype(dtype) for _ in range(count)]
    blocks = draw(npst.arrays(np.uint8, (4, 4), elements=st.integers(0, count)))
    labels = np.kron(blocks, np.ones((5, 5), np.uint8))[: size[0], : size[1]]
    return planes, labels


@settings(max_examples=25)
@given(small_stacks(), st.sampled_from([0.3, 1.2]), st.sampled_from(["unmix", "subtract"]))
def test_no_pixel_of_a_stack_outside_the_transition_region_ever_changes(case, sigma_px, method):
    planes, labels = case
    options = {"psf": sigma_px, "psf_shape": "gaussian", "elimination": method, "register": "off"}
    result = nfs.fuse(planes, labels=labels, equalize="off", **options)  # some pixels look struck
    outside = ~result.transition_region
    assert same_bytes(result.image[outside], source_pixels(result, planes)[outside])
    assert np.isfinite(result.image).all()


@pytest.mark.parametrize(("planes", "side"), [(4, 96), (2, 96), (3, 64)])
def test_the_focus_of_another_stack_is_refused(make_focal_stack, planes, side):
    images = make_focal_stack(3, 1.5).planes("uint16")
    depth = torch.full((1, side, side), 2.0)
    depth[..., : side // 2] = 1
    other = FocusMap.of_depth(depth, planes)
    expected = f"of {planes} planes of {side} x {side} px, the stack has 3 of 96 x 96 px"
    with pytest.raises(InputError, match=expected):
        nfs.fuse(images, labels=other, psf=1.5, device="cpu")


def test_random_numbers_of_the_caller_go_on_as_if_nothing_was_fused(make_focal_stack):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    nfs.fuse(make_focal_stack(3, 1.5).planes(), device="cpu")
    assert torch.equal(torch.rand(3), expected)


def test_a_fusion_logs_its_steps(make_focal_stack, caplog):
    with caplog.at_level("DEBUG", logger="napari_focusstack"):
        nfs.fuse(make_focal_stack(3, 1.5).planes(), psf=1.5, device="cpu")
    said = caplog.text
    for words in (
        "3 planes (96, 96, 3) uint8 on cpu",
        "deb: shipped weights",
        "sigma_px=1.5",
        "by unmix",
    ):
        assert words in said
