"""Sample data of the napari plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.io.reading.calibration import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.plugin.layer_data import LayerData


def pair_layers() -> list[LayerData]:
    """Return the near and far plane of the sample pair as layer "pair", and the hidden truth."""
    from napari_focusstack.samples.pair import sample_pair

    near, far, truth = sample_pair()
    return [
        _sample("pair", np.stack([near, far]), rgb=True),
        _sample("truth", truth, rgb=True, visible=False),
    ]


def stack_layers() -> list[LayerData]:
    """Return an RGB stack of eight planes with four opaque layers as layer "stack"."""
    from napari_focusstack.samples.stacks import colour_stack

    return [_sample("stack", colour_stack(), rgb=True)]


def microscopy_layers() -> list[LayerData]:
    """Return a noisy 16-bit stack of nine planes, 2 um apart, as layer "microscopy"."""
    from napari_focusstack.samples.stacks import PIXEL_UM, Z_STEP_UM, microscopy_stack

    scale = (Z_STEP_UM, PIXEL_UM, PIXEL_UM)
    return [_sample("microscopy", microscopy_stack(), scale=scale, unit="um")]


def _sample(
    name: str,
    data: np.ndarray,
    *,
    rgb: bool = False,
    scale: Sequence[float] = (),
    unit: str = UNKNOWN,
    visible: bool = True,
) -> LayerData:
    """Return the layer data of a sample; a sample of several planes is marked as a focal stack."""
    ndim = data.ndim - rgb
    steps = tuple(scale) or (1.0,) * ndim
    meta: dict[str, Any] = {
        "name": name,
        "rgb": rgb,
        "scale": steps,
        "units": (unit,) * ndim,
        "axis_labels": ("z", "y", "x")[-ndim:],
        "visible": visible,
    }
    if ndim == 3:
        about = {"focus_axis": 0, "z_step": steps[0], "unit": unit, "near": "first"}
        meta["metadata"] = {"focusstack": about}
    return data, meta, "image"
