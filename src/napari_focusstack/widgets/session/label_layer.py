"""The Labels layer that says which plane is in focus: what was found, and what was painted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

    from napari_focusstack.fusion.label_edits import Fixes
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.segmentation.focus_map import FocusMap
    from napari_focusstack.widgets.session.source import Source


#: Colour of the foreground in the Labels layer of a pair.
NEAR_COLOUR = "#ff9e1f"
#: Colours of a stack: from yellow, near, over red to dark blue, far, in even steps of lightness.
COLOURMAP, NEAR_END, FAR_END = "plasma", 0.92, 0.05
#: Of the foreground over a pair, and of the planes, which cover all of a stack.
PAIR_OPACITY, STACK_OPACITY = 0.4, 0.3


@dataclass
class Found:
    """What is known of what is in focus where.

    Parameters
    ----------
    focus : FocusMap or None
        As a network found it, soft edges and all; None where somebody else made the labels.
    parameters : FuseParameters or None
        How it was found.
    weights : dict of str to str
        SHA-256 of the networks' weights that found it, and its blur.
    crf_backend : str or None
        Which CRF refined it.
    fixes : Fixes or None
        What was painted over it; None before it is shown.
    psf : Psf or None
        The blurs along its edges as last estimated ...
    psf_parameters : FuseParameters or None
        ... and how.
    near : {"first", "last"} or None
        Which end of the stack turned out to be nearest to the lens.
    painted_since : bool
        Whether anything was painted since then.
    registration : Registration or None
        How the planes were moved to lie on each other.
    by_hand : bool
        Whether somebody else made the labels, all of them.
    proposed : ndarray or None
        Labels (Y, X) as they were found, where the map was let go.
    """

    focus: FocusMap | None = None
    parameters: FuseParameters | None = None
    weights: dict[str, str] = field(default_factory=dict)
    crf_backend: str | None = None
    fixes: Fixes | None = None
    psf: Psf | None = None
    psf_parameters: FuseParameters | None = None
    near: Literal["first", "last"] | None = None
    painted_since: bool = False
    registration: Registration | None = None
    by_hand: bool = False
    proposed: np.ndarray | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nobody looked yet; somebody may have painted."""
        return self.focus is None and self.parameters is None and not self.by_hand

    @property
    def labels(self) -> np.ndarray:
        """Labels as they were found, (Y, X)."""
        if self.proposed is not None:
            return self.proposed
        assert self.focus is not None
        return labels_of(self.focus)


#: What is known of the Labels layers that were shown since napari began, by place in their data.
_known: WeakKeyDictionary[Labels, dict[tuple[int, ...], Found]] = WeakKeyDictionary()


def labels_of(focus: FocusMap) -> np.ndarray:
    """Return the Labels layer's view of a map, (Y, X).

    The plane in focus, counted from 1, the nearest; of a pair the far plane is 0, see-through.
    """
    labels = focus.labels
    return np.where(labels == 1, labels, 0) if focus.planes == 2 else labels


def plane_colours(planes: int) -> dict[int, Any]:
    """Return the colour of each label: near warm, far cool; of a pair that of the near plane."""
    if planes == 2:
        return {1: NEAR_COLOUR}
    from napari.utils.colormaps import ensure_colormap

    shades = ensure_colormap(COLOURMAP).map(np.linspace(NEAR_END, FAR_END, planes))
    return dict(enumerate(shades, 1))


def keep(layer: Labels, index: tuple[int, ...], found: Found) -> None:
    """Remember what is known of a place in a Labels layer as long as that is there."""
    _known.setdefault(layer, {})[index] = found


def taken_up(layer: Labels, index: tuple[int, ...]) -> Found:
    """Return what is known of a place in a Labels layer.

    In a layer of which nobody knows, all was painted, wherever there is anything.
    """
    from napari_focusstack.fusion.label_edits import Fixes

    if layer not in _known:
        whole = np.asarray(layer.data)
        _known[layer] = {
            at: Found(fixes=Fixes.painted_by_hand(whole[at]), by_hand=True)
            for at in np.ndindex(whole.shape[:-2])
            if not at or whole[at].any()
        }
    labels = np.asarray(layer.data[index])
    found = _known[layer].get(index)
    if found is None or found.fixes is None or found.fixes.labels.shape != labels.shape:
        found = _known[layer][index] = Found(fixes=Fixes(np.zeros_like(labels)))
    assert found.fixes is not None
    found.fixes.follow(labels)
    return found


def is_painted(layer: Labels) -> bool:
    """Tell whether anything is painted anywhere in a Labels layer, at any time point."""
    whole, known = np.asarray(layer.data), _known.get(layer, {})
    for at in np.ndindex(whole.shape[:-2]):
        fixes = known[at].fixes if at in known else None
        if fixes is None or fixes.labels.shape != whole[at].shape:
            painted = bool(whole[at].any())
        else:
            painted = bool(fixes.painted.any() or (fixes.labels != whole[at]).any())
        if painted:
            return True
    return False


def labels_name(source: Source) -> str:
    """Return the name of the Labels layer of a source."""
    return f"{source.name} {'foreground' if source.count == 2 else 'planes'}"


def add_labels(viewer: ViewerModel, source: Source, found: Found) -> Labels:
    """Show what was found as a new layer, ready for the brush."""
    from napari.utils.colormaps import DirectLabelColormap

    from napari_focusstack.fusion.label_edits import Fixes

    found.fixes = Fixes(found.labels)
    axes = source.axes(channels=False)
    index = axes.index(source.step)
    # a time point may lack the planes that others have
    dtype = np.uint8 if source.count < 256 else np.uint16
    whole = np.zeros((*axes.shape, *found.labels.shape), dtype)
    whole[index] = found.labels
    colours: dict[Any, Any] = {**plane_colours(source.count), None: "transparent"}
    layer = viewer.add_labels(
        whole,
        name=labels_name(source),
        opacity=PAIR_OPACITY if source.count == 2 else STACK_OPACITY,
        colormap=DirectLabelColormap(color_dict=colours),
        **axes.beside(),
    )
    layer.selected_label = 1
    layer.brush_size = max(3, min(found.labels.shape) // 40)
    keep(layer, index, found)
    return layer


def set_labels(layer: Labels, index: tuple[int, ...], data: np.ndarray) -> None:
    """Change a place in a Labels layer so that it can be undone."""
    rows, columns = np.nonzero(data != layer.data[index])
    if len(rows):
        place = tuple(np.full_like(rows, at) for at in index)
        layer.data_setitem((*place, rows, columns), data[rows, columns])
