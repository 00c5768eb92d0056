"""Which end of a stack is nearest follows from what occludes what."""

import numpy as np
import pytest

import napari_focusstack as nfs
from napari_focusstack.fusion.near_end import prepare_and_segment
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import run


def near_of(planes, **options):
    pipeline, *_ = run(prepare_and_segment(planes, FuseParameters(device="cpu", **options)))
    return pipeline.near


@pytest.mark.parametrize(("planes", "dtype"), [(3, "uint8"), (4, "uint16"), (6, "float32")])
def test_the_nearest_plane_is_found_at_either_end(make_focal_stack, planes, dtype):
    images = make_focal_stack(planes, 1.5, seed=1).planes(dtype)
    assert near_of(images) == "first"
    assert near_of(images[::-1]) == "last"


def test_a_pair_is_turned_the_right_way_too(make_scene, fsb_weights):
    near, far = make_scene(3.0).planes("uint16")
    assert near_of([near, far], fsb_weights=str(fsb_weights)) == "first"
    assert near_of([far, near], fsb_weights=str(fsb_weights)) == "last"


def test_an_end_that_is_given_is_kept_and_the_finding_remains(make_focal_stack):
    planes = make_focal_stack(4, 1.5, seed=1).planes("uint16")[::-1]
    result = nfs.fuse(planes, near="first", device="cpu")
    assert result.near == "first"
    assert "with near='last' a blur explains" in result.findings[0]


def test_the_order_of_a_tilted_surface_alone_is_left_as_it_is(make_scene):
    """Nothing stands before anything: neither order explains the planes better."""
    from scipy.ndimage import gaussian_filter

    ground = make_scene(3.0).background.mean(0).numpy()
    column = np.arange(96)
    planes = []
    for plane in range(5):
        steps = np.abs(column / 95 * 4 - plane)
        blurred = [gaussian_filter(ground, 1.5 * step) for step in (0, 1, 2, 3, 4)]
        mixed = sum(
            np.clip(1 - np.abs(steps - step), 0, 1) * image for step, image in enumerate(blurred)
        )
        planes.append((mixed * 60000).astype(np.uint16))
    assert near_of(planes) == near_of(planes[::-1]) == "first"


def test_a_turned_stack_is_fused_as_with_near_last_and_its_record_repeats_it(make_focal_stack):
    planes = make_focal_stack(5, 1.5, seed=1).planes("uint16")
    right, turned = (nfs.fuse(images, psf=1.5, device="cpu") for images in (planes, planes[::-1]))
    assert (right.near, turned.near) == ("first", "last")
    assert (right.parameters["near"], turned.parameters["near"]) == ("auto", "last")
    assert turned.findings[0].startswith("The last plane was taken for the nearest:")
    again = nfs.fuse(planes[::-1], **turned.parameters)
    for other in (right, again):
        np.testing.assert_array_equal(turned.image, other.image)
        np.testing.assert_array_equal(turned.labels, other.labels)


def test_labels_are_of_the_order_as_given_and_a_finding_says_where_they_fit_the_other(
    make_focal_stack,
):
    planes = make_focal_stack(5, 1.5, seed=1).planes("uint16")[::-1]
    turned = nfs.fuse(planes, psf=1.5, device="cpu")
    options = turned.parameters | {"near": "auto"}
    mistaken = nfs.fuse(planes, labels=turned.labels, **options)
    assert mistaken.near == "first"
    assert mistaken.findings == [
        "The labels fit the planes in the reverse order; give near='last'."
    ]
    right = nfs.fuse(planes, labels=turned.labels, **turned.parameters)
    assert not right.findings
    assert np.abs(right.image.astype(float) - turned.image).mean() < 100


def test_a_registration_is_of_the_order_as_given(make_focal_stack):
    planes = make_focal_stack(4, 1.5, seed=1).planes("uint16")[::-1]
    moved = [np.roll(plane, 3 * number, 0) for number, plane in enumerate(planes)]
    registration = nfs.register(moved, register="on", model="shift")
    for near in ("first", "last"):
        result = nfs.fuse(moved, near=near, registration=registration, elimination="none")
        assert result.registration == registration
        middle = result.initial[30:60, 30:60].astype(float)
        still = nfs.fuse(planes, near=near, register="off", elimination="none")
        offset = round(registration.matrices[0][0][2])
        expected = still.initial[30 + offset : 60 + offset, 30:60]
        assert np.abs(middle - expected).mean() < 1500
