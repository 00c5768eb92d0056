"""What is promised for any stack: a result or one sentence, planes as they were, source pixels."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.fuse import fuse

#: The same few examples each time; a fusion takes a tenth of a second and more.
promise = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
DTYPES = ("uint8", "uint16", "int16", "int32", "float16", "float32", "float64", "bool")


@st.composite
def stacks(draw, least=16):
    """Planes of any number, size, colour, type and content, good ones and others."""
    count = draw(st.integers(2, 5))
    shape = (count, draw(st.integers(least, 40)), draw(st.integers(least, 40)))
    if draw(st.booleans()):
        shape = (*shape, 3)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    pixels = rng.random(shape)
    content = draw(st.sampled_from(["noise", "edge", "flat", "one pixel", "equal", "blank ends"]))
    if content == "edge":
        pixels *= 0.2
        pixels[:, :, shape[2] // 2 :] += 0.7
    elif content == "flat":
        pixels = np.full(shape, 0.5) + 1e-3 * pixels
    elif content == "one pixel":
        pixels = np.full(shape, 0.5)
        pixels[:, shape[1] // 2, shape[2] // 2] = rng.random((count, *shape[3:]))
    elif content == "equal":
        pixels[1:] = pixels[0]
    elif content == "blank ends":
        pixels[[0, -1]] = 0
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    if dtype.kind in "iu":
        return np.round(pixels * min(np.iinfo(dtype).max, 2**20)).astype(dtype)
    if dtype.kind == "b":
        return pixels > 0.5
    limits = np.finfo(dtype)
    scale = draw(st.sampled_from([1.0, 1e-30, 1e4, 1e16, float(limits.max)]))
    pixels = (pixels * min(scale, float(limits.max))).astype(dtype)
    if draw(st.integers(0, 4)) == 0:
        pixels[0, 2, 3] = draw(st.sampled_from([np.nan, np.inf, -np.inf, limits.max]))
    return pixels


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "near": st.sampled_from(["first", "last", "auto"]),
        "psf": st.sampled_from(["reblur", "keb", 2.0, 0.0, -1.0, float("nan"), "4", "no"]),
        "elimination": st.sampled_from(["unmix", "subtract", "none"]),
        "blend": st.sampled_from(["seams", "none", "noise"]),
        "register": st.sampled_from(["auto", "on", "off"]),
        "intensity": st.sampled_from(["auto", "linear", "srgb"]),
        "z_step": st.sampled_from([0, 0.5, 1e20, float("inf"), -1, "x"]),
        "tile_px": st.sampled_from([64, 1024, 1, None]),
    },
)


@promise
@given(stacks(least=14), OPTIONS)
def test_any_stack_ends_in_a_result_or_one_sentence_and_stays_as_it_was(planes, options):
    before = planes.copy()
    result, refusal = None, ""
    try:
        result = fuse(planes, device="cpu", **options)
    except InputError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == (result is None)
    if result is not None:
        assert result.image.shape == planes.shape[1:]
        for made in (result.image, result.initial, result.depth, result.confidence):
            assert np.isfinite(made).all()
        assert 1 <= result.labels.min() <= result.labels.max() <= len(planes)
        assert 1 <= result.source.min() <= result.source.max() <= len(planes)
    assert planes.tobytes() == before.tobytes()


@promise
@given(stacks(), st.sampled_from(["seams", "none"]), st.sampled_from(["unmix", "none"]))
def test_outside_the_marked_regions_every_pixel_is_one_of_its_source(planes, blend, elimination):
    try:
        result = fuse(planes, device="cpu", blend=blend, elimination=elimination, psf=2.0,
                      equalize="off", register="off")  # fmt: skip
    except InputError:
        return
    rows, columns = np.indices(result.source.shape)
    taken = planes[result.source.astype(int) - 1, rows, columns].astype(result.image.dtype)
    marked = result.transition_region | result.blended
    assert (result.image[~marked] == taken[~marked]).all()
    if blend == "none":
        assert not result.blended.any()
    if elimination == "none":
        assert not result.transition_region.any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("near", ["auto", "first"])
def test_planes_that_are_flat_but_for_a_pixel_end_in_a_result(seed, near):
    pixels = np.full((6, 25, 17), 127, np.uint8)
    pixels[:, 12, 8] = np.random.default_rng(seed).integers(0, 255, 6)
    assert fuse(pixels, psf="reblur", near=near, device="cpu").image.shape == (25, 17)
