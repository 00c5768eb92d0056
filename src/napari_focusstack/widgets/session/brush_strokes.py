"""Notes every pixel that the brush goes over, also where it changes no label.

A painted pixel is a decision: its plane is shown, whatever was estimated. napari says nothing of a
stroke where the label was there already. So the methods by which its tools paint are wrapped, for
one layer, and so are undo and redo, which take such pixels back and forth with their stroke.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, ref

import numpy as np

from napari_focusstack.widgets.controls.proxies import unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari.layers import Labels


#: Most strokes that can be undone, as in napari.
MOST_STROKES = 100


class Stroke(NamedTuple):
    """What one undo takes back."""

    #: Pixels that were decided by it, or by taking it back no more: places in the flat data.
    places: np.ndarray
    #: Whether it is also in napari's history, for it changed labels.
    changed_labels: bool


class BrushStrokes:
    """The strokes in a Labels layer.

    Parameters
    ----------
    labels : Labels
        Its ``paint``, ``paint_polygon``, ``undo`` and ``redo`` are wrapped.

    Attributes
    ----------
    decided : ndarray of bool
        Shape of the labels: pixels that the brush went over.
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = ref(labels)
        self._callbacks: list[Callable[[], None]] = []
        self._pending: list[np.ndarray] = []
        self._done: deque[Stroke] = deque(maxlen=MOST_STROKES)
        self._undone: deque[Stroke] = deque(maxlen=MOST_STROKES)
        self.decided = np.zeros(labels.data.shape, bool)
        for method in ("paint", "paint_polygon", "undo", "redo"):
            setattr(labels, method, getattr(self, method))
        labels.events.paint.connect(self._labels_changed)
        labels.mouse_drag_callbacks.append(self._pressed)

    @property
    def labels(self) -> Labels:
        """The layer."""
        labels = self._labels()
        assert labels is not None
        return labels

    def at(self, index: tuple[int, ...]) -> np.ndarray:
        """Return which pixels (Y, X) are decided at a place in the data."""
        if self.decided.shape != self.labels.data.shape:
            self._clear(self.labels)
        part: np.ndarray = self.decided[index]
        return part

    def on_stroke(self, callback: Callable[[], None]) -> None:
        """Call back after each stroke, undo and redo that napari may say nothing of."""
        if callback not in self._callbacks:
            self._callbacks.append(callback)

    def off_stroke(self, callback: Callable[[], None]) -> None:
        """Call back no more."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def forget(self, index: tuple[int, ...]) -> None:
        """Decide nothing any more at a place in the data; undo takes that back, too."""
        self._close()
        where = np.zeros_like(self.decided)
        where[index] = self.at(index)
        self._toggle(np.flatnonzero(where))

    # ---- what napari's tools call

    def paint(self, coord: Sequence[float], new_label: int, refresh: bool = True) -> None:
        """Paint as napari does, and note the pixels under the brush."""
        self._note(under_brush(self.labels, coord), new_label)
        with self._painting():
            type(self.labels).paint(self.labels, coord, new_label, refresh)

    def paint_polygon(self, points: Any, new_label: int) -> None:
        """Paint as napari does, and note the pixels inside."""
        self._note(inside_polygon(self.labels, np.asarray(points)), new_label)
        with self._painting():
            type(self.labels).paint_polygon(self.labels, points, new_label)

    def undo(self) -> None:
        """Take back the last stroke, and what it decided."""
        self._close()
        self._step(self._done, self._undone, type(self.labels).undo)

    def redo(self) -> None:
        """Repeat the stroke that was taken back last, and decide the same."""
        if not self._pending:
            self._step(self._undone, self._done, type(self.labels).redo)

    @contextmanager
    def _painting(self) -> Iterator[None]:
        """Tell of a stroke; of one that napari refuses nothing is kept."""
        try:
            yield
        except ValueError:
            for places in self._pending:
                self.decided.reshape(-1)[places] ^= True
            self._pending = []
            raise
        self._tell()

    # ---- the history beside napari's

    def _clear(self, labels: Labels) -> None:
        """Begin anew: the layer has other data."""
        self.decided = np.zeros(labels.data.shape, bool)
        self._pending = []
        self._done.clear()
        self._undone.clear()

    def _note(self, where: tuple[np.ndarray, ...], new_label: int) -> None:
        """Decide some pixels, given by their index along each axis."""
        if self.decided.shape != self.labels.data.shape:
            self._clear(self.labels)
        if self.labels.preserve_labels:  # napari leaves other labels alone
            allowed = np.isin(np.asarray(self.labels.data[where]), (0, new_label))
            where = tuple(axis[allowed] for axis in where)
        places = np.ravel_multi_index(where, self.decided.shape)
        self._toggle(places[~self.decided.reshape(-1)[places]])

    def _toggle(self, places: np.ndarray) -> None:
        """Decide pixels that are not decided, and the reverse, as part of the present stroke."""
        if places.size:
            self.decided.reshape(-1)[places] ^= True
            self._pending.append(places)
            self._undone.clear()

    def _pressed(self, *_: Any) -> None:
        """Begin a stroke: what the last one decided without any change of labels ends here."""
        self._close()

    def _labels_changed(self, _: Any) -> None:
        """End a stroke that changed labels: napari has put it into its history."""
        self._finish(changed_labels=True)

    def _close(self) -> None:
        """End a stroke that changed no label."""
        if self._pending:
            self._finish(changed_labels=False)

    def _finish(self, *, changed_labels: bool) -> None:
        places = np.concatenate(self._pending) if self._pending else np.zeros(0, np.int64)
        self._pending = []
        self._undone.clear()
        self._done.append(Stroke(places, changed_labels))

    def _step(
        self, taken: deque[Stroke], given: deque[Stroke], step: Callable[[Labels], None]
    ) -> None:
        """Take back a stroke, or repeat it."""
        stroke = taken.pop() if taken else Stroke(np.zeros(0, np.int64), changed_labels=True)
        self.decided.reshape(-1)[stroke.places] ^= True
        if stroke.changed_labels:
            step(self.labels)
        given.append(stroke)
        self._tell()

    def _tell(self) -> None:
        for callback in self._callbacks:
            callback()


#: The strokes of layers, for as long as the layers exist.
_strokes: WeakKeyDictionary[Labels, BrushStrokes] = WeakKeyDictionary()


def strokes_of(labels: Labels) -> BrushStrokes:
    """Return the strokes of a layer, noted from the first call on."""
    labels = unwrapped(labels)
    if labels not in _strokes:
        _strokes[labels] = BrushStrokes(labels)
    return _strokes[labels]


def under_brush(labels: Labels, coord: Sequence[float]) -> tuple[np.ndarray, ...]:
    """Return the index along each axis of the pixels that napari's brush paints at a place.

    Examples
    --------
    >>> from napari.layers import Labels
    >>> layer = Labels(np.zeros((5, 5), np.uint8))
    >>> layer.brush_size = 3
    >>> [axis.tolist() for axis in under_brush(layer, (0, 2))]
    [[0, 0, 0, 1, 1, 1], [1, 2, 3, 1, 2, 3]]
    """
    *others, row, column = (round(float(at)) for at in coord)
    rows, columns = labels.data.shape[-2:]
    # as napari: a disk without a lone pixel at each end, in px of the finer axis
    radius = labels.brush_size // 2 + 0.5
    scale = np.abs(np.asarray(labels.scale[-2:], float))
    down, right = scale / scale.min()
    reach = np.floor(radius / np.array([down, right])).astype(int)
    top, bottom = max(0, row - reach[0]), min(rows, row + reach[0] + 1)
    left, end = max(0, column - reach[1]), min(columns, column + reach[1] + 1)
    y, x = np.mgrid[top : max(top, bottom), left : max(left, end)]
    covered = ((y - row) * down) ** 2 + ((x - column) * right) ** 2 <= radius**2
    return _index(others, y[covered], x[covered])


def inside_polygon(labels: Labels, points: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the index along each axis of the pixels in a polygon (n, axes of the data)."""
    from PIL import Image, ImageDraw

    corners = points.astype(int)
    rows, columns = labels.data.shape[-2:]
    image = Image.new("1", (columns, rows))
    drawing = ImageDraw.Draw(image)
    drawing.polygon([(int(x), int(y)) for y, x in corners[:, -2:]], outline=1, fill=1)
    return _index(corners[0, :-2].tolist(), *np.nonzero(np.asarray(image)))


def _index(others: Sequence[int], rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return an index of pixels at one place along the other axes."""
    return (*(np.full_like(rows, at) for at in others), rows, columns)
