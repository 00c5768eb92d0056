"""Which end of a stack is nearest follows from what occludes what."""

import numpy as np
import pytest

import napari_focusstack as nfs
from napari_focusstack.fusion import near_end
from napari_focusstack.fusion.near_end import downsample_mean, prepare
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import run


def near_of(planes, **options):
    return run(prepare(planes, FuseParameters(near="auto", device="cpu", **options))).near


@pytest.mark.parametrize(("planes", "dtype"), [(3, "uint8"), (4, "uint16"), (6, "float32")])
def test_the_nearest_plane_is_found_at_either_end(make_focal_stack, planes, dtype):
    images = make_focal_stack(planes, 1.5, seed=1).planes(dtype)
    assert near_of(images) == "first"
    assert near_of(images[::-1]) == "last"


def test_a_pair_is_turned_the_right_way_too(make_scene, fsb_weights):
    near, far = make_scene(3.0).planes("uint16")
    assert near_of([near, far], fsb_weights=str(fsb_weights)) == "first"
    assert near_of([far, near], fsb_weights=str(fsb_weights)) == "last"


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


def test_large_planes_are_looked_at_small(make_focal_stack, monkeypatch):
    images = make_focal_stack(3, 3.0, side=192).planes()
    monkeypatch.setattr(near_end, "PREVIEW_PIXELS", 96 * 96)
    assert near_of(images[::-1]) == "last"


def test_a_smaller_plane_is_the_mean_of_its_pixels():
    plane = np.arange(5 * 7, dtype=np.uint16).reshape(5, 7)
    small = downsample_mean(plane, 2)
    assert small.dtype == np.uint16
    assert small.tolist() == [[4, 6, 8], [18, 20, 22]]
    assert downsample_mean(np.dstack([plane] * 3), 2).shape == (2, 3, 3)


def test_the_result_says_which_end_is_nearest(make_focal_stack):
    scene = make_focal_stack(5, 1.5, seed=1)
    planes = scene.planes("uint16")
    right, turned = (
        nfs.fuse(images, near="auto", psf=1.5, device="cpu") for images in (planes, planes[::-1])
    )
    assert (right.near, turned.near) == ("first", "last")
    np.testing.assert_array_equal(right.image, turned.image)
    np.testing.assert_array_equal(right.labels, turned.labels)
