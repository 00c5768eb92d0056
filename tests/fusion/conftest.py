"""A pair whose alpha and blur are known, and its fusion."""

import pytest

import napari_focusstack as nfs


@pytest.fixture(scope="session")
def scene(make_scene):
    return make_scene(3.0)


@pytest.fixture(scope="session")
def pair(scene):
    return scene.planes("uint8")


@pytest.fixture(scope="session")
def alpha(scene):
    return scene.alpha[0].numpy()


@pytest.fixture(scope="session")
def result(pair, alpha):
    return nfs.fuse(pair, labels=alpha, psf=3.0, psf_shape="gaussian", device="cpu")
