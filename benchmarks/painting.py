"""Time until the fused image has followed a brush of 50 px, at 2048 x 2048 pixels.

    python benchmarks/painting.py

Strokes are painted into the Labels layer of pairs and of a stack of eight planes. They lie along
edges, where they cost most. The time is that from the finished stroke to the refreshed image layer,
without drawing on the screen.
"""

import statistics
import time
from collections.abc import Iterator

import numpy as np
from napari.components import ViewerModel

from napari_focusstack.fusion.canvas import Canvas
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import run
from napari_focusstack.samples.drawing import blades, pebbles
from napari_focusstack.samples.pair import sample_pair
from napari_focusstack.samples.specimen import sample_layers
from napari_focusstack.samples.stacks import SIGMA_PER_PLANE_PX, colour_stack
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.widgets.session.label_layer import LabelState, labels_of
from napari_focusstack.widgets.session.result_pictures import TimePointView
from napari_focusstack.widgets.session.session import Session
from napari_focusstack.widgets.session.source import Source
from napari_focusstack.widgets.session.tasks import FusionState

SIZE, BRUSH_PX, STROKES = (2048, 2048), 50, 12
GOAL_MS = 100


def scenes() -> Iterator[tuple[str, np.ndarray, np.ndarray, float]]:
    """Yield name, planes, true labels and sigma per plane step, px, of each scene."""
    _, specimen, _ = sample_layers(SIZE)
    for sigma_px in (2.0, 4.0, 8.0):
        near, far, _ = sample_pair(SIZE, sigma_px=sigma_px)
        labels = np.where(specimen > 0.5, 1, 2)
        yield f"pair, sigma {sigma_px:g} px", np.stack([near, far]), labels, sigma_px
    labels = np.full(SIZE, 8)
    for alpha, plane in ((pebbles(SIZE, seed=3), 6), (specimen, 3), (blades(SIZE), 1)):
        labels[alpha > 0.5] = plane
    sigma_px = SIGMA_PER_PLANE_PX
    yield f"8 planes, sigma {sigma_px:g} px per plane", colour_stack(SIZE), labels, sigma_px


def fused_session(planes: np.ndarray, labels: np.ndarray, sigma_px: float) -> Session:
    """Return a session in which a scene was fused with its true labels."""
    viewer = ViewerModel()
    session = Session(viewer, Source((viewer.add_image(planes, rgb=True, name="stack"),)))
    focus = FocusMap.of_labels(labels.astype(np.uint8), len(planes), SIZE)
    pipeline = Pipeline(planes, FuseParameters(device="cpu"))
    canvas = Canvas(pipeline, focus, Psf(sigma_px, sigma_px), focus.labels)
    run(canvas.fuse())
    fusion = FusionState(LabelState(focus), True, labels_of(focus), canvas)
    shown = {"diffusion": False, "depth": len(planes) > 2, "sources": False}
    session.show_result(fusion, TimePointView.of(session.source, fusion, **shown))
    return session


def milliseconds(session: Session) -> list[float]:
    """Paint strokes along edges and return the time of each update, ms."""
    session.labels.brush_size = BRUSH_PX
    edge = np.argwhere(np.diff(session.labels.data.astype(int), axis=1) != 0)
    planes = session.source.count
    taken = []
    for number, (row, column) in enumerate(edge[:: len(edge) // STROKES]):
        session.labels.paint((row, column), number % planes)
        began = time.perf_counter()
        session.follow_brush(live=True)
        taken.append(1000 * (time.perf_counter() - began))
    return taken


def main() -> None:
    print(f"{SIZE[0]} x {SIZE[1]} px, brush {BRUSH_PX} px, goal {GOAL_MS} ms")
    for name, planes, labels, sigma_px in scenes():
        taken = milliseconds(fused_session(planes, labels, sigma_px))
        print(f"{name}: median {statistics.median(taken):.0f}, most {max(taken):.0f}", flush=True)


if __name__ == "__main__":
    main()
