"""What was painted since the image followed last: a fusion of its surroundings, for any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.runtime.region import Region


@dataclass(frozen=True)
class Repainting:
    """Strokes that the image has to follow.

    Parameters
    ----------
    canvases : tuple of Canvas
        The fused stack, and those of its other channels.
    labels : ndarray
        A copy of the labels, (Y, X).
    region : tuple of slice
        Rows and columns in which they changed.
    decided : ndarray of bool
        A copy of what the brush went over, (Y, X).
    """

    canvases: tuple[Canvas, ...]
    labels: np.ndarray
    region: Region
    decided: np.ndarray

    def run(self) -> list[Region]:
        """Fuse again around the strokes; return the rows and columns that changed in each canvas.

        It changes canvases, but no layer. Nobody else may use them meanwhile.

        Raises
        ------
        InputError
            If a label names no plane. Nothing has changed then.
        """
        return [canvas.paint(self.labels, self.region, self.decided) for canvas in self.canvases]
