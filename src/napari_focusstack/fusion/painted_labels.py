"""Labels that were painted over an estimate: together they repeat a run, pixel for pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.fusion.estimate import Estimate
from napari_focusstack.io.bit_mask import mask_from_bytes
from napari_focusstack.io.reading import image
from napari_focusstack.io.reading.record import read_attachments
from napari_focusstack.planes.layer_planes import focus_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.planes.layer_planes import Layer


#: Entry of a layer's focus stacking metadata: its estimates by :func:`key_of`, each an
#: :class:`Estimate` or its file.
ESTIMATES = "estimates"
#: Another entry: the pixels that the brush went over, bool, of the shape of the layer's data.
DECIDED = "decided"


@dataclass(frozen=True, eq=False)
class PaintedLabels:
    """Labels that were painted over an estimate.

    Where they agree with the estimate, its soft edges and its choice of planes stay.

    Parameters
    ----------
    labels : ndarray
        Shape (Y, X), 1..P, 0 is the farthest plane.
    estimate : Estimate
        What they were painted over.
    decided : ndarray of bool, optional
        Shape (Y, X): pixels that the brush went over. Their labels hold also where they are those
        of the estimate.
    """

    labels: np.ndarray
    estimate: Estimate
    decided: np.ndarray | None = None

    @classmethod
    def of(cls, layer: Layer, index: Sequence[int] = ()) -> PaintedLabels | np.ndarray:
        """Return the labels of a Labels layer of napari, at an index of its data.

        They are plain labels where the layer has no estimate there.

        Raises
        ------
        InputError
            If the estimate cannot be read.
        """
        about, place = focus_of(layer), tuple(index)
        labels = np.asarray(layer.data[place] if index else layer.data)
        decided = about.get(DECIDED)
        estimate = about.get(ESTIMATES, {}).get(key_of(index))
        return painted_over(labels, estimate, None if decided is None else decided[place])


def painted_over(
    labels: np.ndarray, estimate: Estimate | bytes | None, decided: np.ndarray | None = None
) -> PaintedLabels | np.ndarray:
    """Return labels with the estimate that they were painted over, if there is one of their size.

    Raises
    ------
    InputError
        If the estimate cannot be read.
    """
    if isinstance(estimate, bytes):
        estimate = Estimate.from_bytes(estimate)
    if estimate is None or estimate.focus.size != labels.shape:
        return labels
    return PaintedLabels(labels, estimate, decided)


def read_labels(path: str | Path) -> PaintedLabels | np.ndarray:
    """Read labels from a file, with the estimate that they were painted over if it carries one.

    Parameters
    ----------
    path : path
        See :func:`napari_focusstack.io.reading.image.read_labels`; a TIFF that the dock saved
        carries an estimate.

    Raises
    ------
    InputError
        If the file cannot be read, is coloured, or does not hold integers.

    Examples
    --------
    >>> import tempfile, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "labels.tif"
    >>> tifffile.imwrite(path, np.eye(4, dtype=np.uint8) + 1)
    >>> read_labels(path).shape
    (4, 4)
    """
    labels, attachments = image.read_labels(path), read_attachments(path)
    decided = attachments.get(DECIDED)
    mask = None if decided is None else mask_from_bytes(decided, labels.shape)
    return painted_over(labels, attachments.get(key_of(())), mask)


def key_of(index: Sequence[int]) -> str:
    """Return the key of an estimate from its index in the data of its layer."""
    return "-".join(["estimate", *map(str, index)])
