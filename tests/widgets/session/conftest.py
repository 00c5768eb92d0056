"""Stacks whose true labels are known, so that they are fused without any network."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_focusstack.fusion.canvas import Canvas
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.widgets.session.label_layer import LabelState, labels_of
from napari_focusstack.widgets.session.result_pictures import TimePointView
from napari_focusstack.widgets.session.source import Source
from napari_focusstack.widgets.session.tasks import FusionState

PLANES, SIDE, Z_STEP = 3, 48, 2.0


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture(scope="session")
def scene(make_focal_stack):
    """Three surfaces, each in focus in one of three planes."""
    return make_focal_stack(PLANES, 1.0, side=SIDE)


@pytest.fixture(scope="session")
def planes(scene):
    """Planes (3, 48, 48), uint8."""
    return np.stack(scene.planes(grey=True))


@pytest.fixture(scope="session")
def labels(scene):
    """The plane in focus, (48, 48), 1..3."""
    return scene.labels


@pytest.fixture
def stack(viewer, planes):
    """The stack's source."""
    layer = viewer.add_image(
        planes, name="stack", scale=(Z_STEP, 0.5, 0.5), axis_labels=("z", "y", "x")
    )
    return Source((layer,), 0, (0,))


@pytest.fixture
def movie(viewer, planes):
    """The same stack at two time points, turned at the second; sources of both."""
    data = np.stack([planes, planes[:, ::-1]])
    layer = viewer.add_image(data, name="movie", axis_labels=("t", "z", "y", "x"))
    return Source((layer,), 1, (0, 0)).time_points()


@pytest.fixture
def settings():
    """Settings of a fusion that needs neither networks nor an estimate of the blur."""
    return FuseParameters(psf=1.0, psf_shape="gaussian", register="off", device="cpu")


@pytest.fixture
def fuse(settings):
    """Fuses a source with labels: fuse(source, labels, sigma_px=1.0)."""

    def fused(source, labels, sigma_px=1.0, *, segmented=True):
        planes = source.planes()
        pipeline = Pipeline(planes, settings)
        pipeline.weights = {"deb": "d" * 64}
        focus = FocusMap.of_labels(labels, len(planes), source.size)
        psf = Psf(sigma_px, sigma_px, residual=0.01)
        canvas = Canvas(pipeline, focus, psf, focus.labels)
        run(canvas.fuse())
        state = LabelState(
            focus, settings, {"deb": "d" * 64}, psf=psf, psf_parameters=settings, near="first"
        )
        return FusionState(state, segmented, labels_of(focus), canvas)

    return fused


@pytest.fixture
def show():
    """Shows a fusion in the layers of a session: show(session, fusion, depth=True)."""
    wanted = {"diffusion": False, "depth": False, "sources": False}

    def shown(session, fusion, **optional):
        session.show_result(
            fusion, TimePointView.of(session.source, fusion, **{**wanted, **optional})
        )

    return shown
