"""How long the fused image takes to follow a brush of 50 px on 2048 x 2048 pixels.

    python benchmarks/painting.py

Strokes are painted into the Labels layer along the foreground's edge, where they cost most; timed
is everything from the finished stroke to the refreshed image layer, without drawing on the screen.
"""

import statistics
import time

import numpy as np
from napari.components import ViewerModel

from napari_focusstack.editing import Canvas
from napari_focusstack.fusion import drain
from napari_focusstack.io.samples import sample_layers, sample_pair
from napari_focusstack.lens import Psf
from napari_focusstack.pair import Pair
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.segmentation import alpha_from_labels
from napari_focusstack.widgets.session import Session
from napari_focusstack.widgets.source import Source

SIZE, BRUSH_PX, STROKES = (2048, 2048), 50, 12
GOAL_MS = 100


def fused_session(sigma_px: float) -> Session:
    """Return a session with the sample pair fused, its true mask for labels."""
    near, far, _ = sample_pair(SIZE, sigma_px=sigma_px)
    viewer = ViewerModel()
    stack = viewer.add_image(np.stack([near, far]), rgb=True, name="pair")
    session = Session(viewer, Source((stack,)))
    alpha = alpha_from_labels(sample_layers(SIZE)[1], SIZE)
    pair = Pair([near, far], FuseParameters(device="cpu"))
    canvas = Canvas(pair, alpha, Psf(sigma_px, sigma_px), (alpha[0].numpy() > 0.5).astype(np.uint8))
    drain(canvas.fuse())
    session.show_result((alpha, None, canvas), segmented=True, diffusion=False)
    return session


def milliseconds(session: Session) -> list[float]:
    """Paint strokes along the foreground's edge and return what each took to follow."""
    session.labels.brush_size = BRUSH_PX
    edge = np.argwhere(np.diff(session.labels.data.astype(int), axis=1) != 0)
    taken = []
    for number, (row, column) in enumerate(edge[:: len(edge) // STROKES]):
        session.labels.paint((row, column), number % 2)
        began = time.perf_counter()
        session.follow_brush(live=True)
        taken.append(1000 * (time.perf_counter() - began))
    return taken


def main() -> None:
    print(f"{SIZE[0]} x {SIZE[1]} px, brush {BRUSH_PX} px, goal {GOAL_MS} ms")
    for sigma_px in (2.0, 4.0, 8.0):
        taken = milliseconds(fused_session(sigma_px))
        print(
            f"sigma {sigma_px:g} px: median {statistics.median(taken):.0f}, most {max(taken):.0f}"
        )


if __name__ == "__main__":
    main()
