"""The Labels layer with the plane in focus: what was estimated, and what was painted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import numpy as np

from napari_focusstack.imaging.number_types import number_type
from napari_focusstack.planes.layer_planes import focus_of
from napari_focusstack.widgets.session.brush_strokes import strokes_of
from napari_focusstack.widgets.session.depth_colours import plane_colours
from napari_focusstack.widgets.session.outlines import draw_outlines_fast

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Labels

    from napari_focusstack.fusion.estimate import Estimate
    from napari_focusstack.fusion.label_edits import Fixes
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.segmentation.focus_map import FocusMap
    from napari_focusstack.source.selection import Selection
    from napari_focusstack.widgets.session.source import Source


#: Width of the outlines of planes, px, and their opacity, 0..1 (convention).
CONTOUR_PX, CONTOUR_OPACITY = 1, 0.6
#: How planes can be shown over the fused image.
OVERLAYS = ("outline of chosen", "outlines", "areas", "not at all")
#: Opacity, 0..1, of planes that are shown as areas (convention).
AREA_OPACITY = 0.4


@dataclass
class LabelState:
    """What is known of the labels and the blur at one place: one time point of a Labels layer.

    Parameters
    ----------
    focus : FocusMap or None
        As estimated, with soft edges; None where somebody else made the labels.
    parameters : FuseParameters or None
        Settings with which it was estimated.
    weights : dict of str to str
        SHA-256 of the weights of the networks that estimated focus and blur.
    crf_backend : str or None
        Which CRF refined the labels.
    fixes : Fixes or None
        What was painted over the estimate; None before it is shown.
    psf : Psf or None
        Last estimate of the blur along the edges of the labels.
    psf_parameters : FuseParameters or None
        Settings with which the blur was estimated.
    plain : str
        Why no blur was found; empty where one was, or none was looked for.
    reversed_ratio : float
        Residual ratio of the reversed order of planes, as the blur was estimated.
    is_turned : bool
        Whether the order of planes as given did not explain them, and was reversed for that.
    near : {"first", "last"} or None
        Which end of the stack is nearest to the lens, as estimated.
    painted_since : bool
        Whether anything was painted after the blur was estimated.
    registration : Registration or None
        How the planes were registered.
    by_hand : bool
        Whether somebody else made all of the labels.
    selection : Selection or None
        The picture of source pixels, as estimated.
    selected_with : dict
        Settings with which it was estimated.
    proposed : ndarray or None
        Labels (Y, X) as estimated, where the focus map was dropped to save memory.
    stored : Estimate, bytes or None
        The estimate as it came with the layer, or packed to save memory.
    """

    focus: FocusMap | None = None
    parameters: FuseParameters | None = None
    weights: dict[str, str] = field(default_factory=dict)
    crf_backend: str | None = None
    fixes: Fixes | None = None
    psf: Psf | None = None
    psf_parameters: FuseParameters | None = None
    plain: str = ""
    reversed_ratio: float = 1.0
    is_turned: bool = False
    near: Literal["first", "last"] | None = None
    painted_since: bool = False
    registration: Registration | None = None
    by_hand: bool = False
    selection: Selection | None = None
    selected_with: dict[str, Any] = field(default_factory=dict)
    proposed: np.ndarray | None = None
    stored: Estimate | bytes | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is estimated yet; something may be painted."""
        known = self.focus is not None or self.parameters is not None or self.stored is not None
        return not known and not self.by_hand

    @property
    def estimate(self) -> Estimate | bytes | None:
        """What is estimated, as the Labels layer carries it and a file keeps it."""
        if self.focus is None:
            return self.stored
        from napari_focusstack.fusion.estimate import Estimate

        return Estimate(
            self.focus,
            self.near or "first",
            self.registration,
            self.psf,
            self.psf_parameters,
            self.parameters,
            self.weights,
            self.crf_backend,
            self.plain,
        )

    def unpacked(self) -> LabelState:
        """Return the state with what is stored in its place; slow, so it is called in a thread.

        Raises
        ------
        InputError
            If what a file stored cannot be read.
        """
        if self.focus is not None or self.stored is None:
            return self
        from napari_focusstack.fusion.estimate import Estimate

        stored = self.stored
        known = Estimate.from_bytes(stored) if isinstance(stored, bytes) else stored
        return replace(
            self,
            focus=known.focus,
            parameters=known.parameters,
            weights=dict(known.weights),
            crf_backend=known.crf_backend,
            psf=known.psf,
            psf_parameters=known.psf_parameters,
            plain=known.plain,
            near=known.near,
            registration=known.registration,
            stored=None,
        )

    @property
    def labels(self) -> np.ndarray:
        """Labels (Y, X) as estimated."""
        if self.proposed is not None:
            return self.proposed
        assert self.focus is not None
        return labels_of(self.focus)


#: States of the Labels layers that were shown since napari began, by place in their data.
_states: WeakKeyDictionary[Labels, dict[tuple[int, ...], LabelState]] = WeakKeyDictionary()


def labels_of(focus: FocusMap) -> np.ndarray:
    """Return the labels (Y, X) of a focus map as the Labels layer shows them.

    They count the planes from 1, the nearest. The far plane of a pair is 0, transparent.
    """
    return _as_shown(focus.labels, focus.planes)


def _as_shown(labels: np.ndarray, planes: int) -> np.ndarray:
    return np.where(labels == 1, labels, 0) if planes == 2 else labels


def remember(layer: Labels, index: tuple[int, ...], state: LabelState) -> None:
    """Remember the state of a place in a Labels layer for as long as the layer exists."""
    _states.setdefault(layer, {})[index] = state


def adopt(layer: Labels, index: tuple[int, ...]) -> LabelState:
    """Return the state of a place in a Labels layer, with what was painted up to now.

    In a layer without any state, labels count as painted where they differ from the estimate that
    the layer carries, or everywhere if it carries none.
    """
    from napari_focusstack.fusion.label_edits import Fixes

    if layer not in _states:
        draw_outlines_fast(layer)
        whole = np.asarray(layer.data)
        _states[layer] = {
            place: _first_state(layer, place)
            for place in np.ndindex(whole.shape[:-2])
            if not place or whole[place].any()
        }
    labels = np.asarray(layer.data[index])
    state = _states[layer].get(index)
    if state is None or state.fixes is None or state.fixes.labels.shape != labels.shape:
        state = _states[layer][index] = LabelState(fixes=Fixes(np.zeros_like(labels)))
    assert state.fixes is not None
    state.fixes.follow(labels, strokes_of(layer).at(index))
    return state


def carry_estimate(layer: Labels, index: tuple[int, ...], state: LabelState) -> None:
    """Have a layer carry what is estimated at a place, so that files of it do as well."""
    from napari_focusstack.fusion.painted_labels import DECIDED, ESTIMATES, key_of

    metadata = focus_of(layer)
    estimates = {**metadata.get(ESTIMATES, {}), key_of(index): state.estimate}
    layer.metadata["focusstack"] = {
        **metadata,
        ESTIMATES: {key: each for key, each in estimates.items() if each is not None},
        DECIDED: strokes_of(layer).decided,  # the brush goes on in it
    }


def _first_state(layer: Labels, index: tuple[int, ...]) -> LabelState:
    """Return the state of a place in a layer that was opened from a file, or drawn by somebody."""
    from napari_focusstack.fusion.estimate import labels_in
    from napari_focusstack.fusion.label_edits import Fixes
    from napari_focusstack.fusion.painted_labels import DECIDED, ESTIMATES, key_of

    decided = focus_of(layer).get(DECIDED)
    if decided is not None and decided.shape == layer.data.shape:
        strokes_of(layer).decided[index] = decided[index]
    labels = np.asarray(layer.data[index])
    stored = focus_of(layer).get(ESTIMATES, {}).get(key_of(index))
    if stored is not None:
        proposal, planes, near = labels_in(stored)
        if proposal.shape == labels.shape:
            proposal = _as_shown(proposal, planes).astype(labels.dtype)
            return LabelState(fixes=Fixes(proposal), near=near, stored=stored)
    return LabelState(fixes=Fixes.painted_by_hand(labels), by_hand=True)


def is_painted(layer: Labels) -> bool:
    """Tell whether anything is painted anywhere in a Labels layer, at any time point."""
    whole, states = np.asarray(layer.data), _states.get(layer, {})
    for place in np.ndindex(whole.shape[:-2]):
        fixes = states[place].fixes if place in states else None
        if fixes is None or fixes.labels.shape != whole[place].shape:
            painted = bool(whole[place].any())
        else:
            painted = bool(fixes.painted.any() or (fixes.labels != whole[place]).any())
        if painted:
            return True
    return False


def labels_name(source: Source) -> str:
    """Return the name of the Labels layer of a source."""
    return f"{source.name} {'foreground' if source.count == 2 else 'planes'}"


def saved_labels(viewer: ViewerModel, source: Source) -> Labels | None:
    """Return labels of a source that this plugin wrote to a file and that were opened again."""
    name = labels_name(source)
    if name in viewer.layers:
        layer = viewer.layers[name]
        if "record" in focus_of(layer) and "made_from" not in focus_of(layer):
            return layer
    return None


def add_labels(
    viewer: ViewerModel, source: Source, state: LabelState, *, visible: bool = True
) -> Labels:
    """Add estimated labels as a new layer, ready for the brush."""
    from napari.utils.colormaps import DirectLabelColormap

    from napari_focusstack.fusion.label_edits import Fixes

    state.fixes = Fixes(state.labels)
    axes = source.axes(channels=False)
    index = axes.index(source.step)
    # other time points may have planes that are missing here, so the stack's count decides
    whole = np.zeros((*axes.shape, *state.labels.shape), number_type(source.count))
    whole[index] = state.labels
    colours: dict[Any, Any] = {**plane_colours(source.count), None: "transparent"}
    if source.count == 2:  # the foreground alone has a colour
        del colours[2]
    layer = viewer.add_labels(
        whole,
        name=labels_name(source),
        opacity=CONTOUR_OPACITY,
        colormap=DirectLabelColormap(color_dict=colours),
        visible=visible,
        **axes.beside(),
    )
    draw_outlines_fast(layer)
    layer.contour = CONTOUR_PX
    layer.selected_label = 1
    layer.brush_size = max(3, min(state.labels.shape) // 40)
    remember(layer, index, state)
    strokes_of(layer)  # what is painted from now on is noted
    return layer


def set_labels(layer: Labels, index: tuple[int, ...], data: np.ndarray) -> None:
    """Change a place in a Labels layer, as one step that can be undone."""
    rows, columns = np.nonzero(data != layer.data[index])
    if len(rows):
        place = tuple(np.full_like(rows, at) for at in index)
        layer.data_setitem((*place, rows, columns), data[rows, columns])
