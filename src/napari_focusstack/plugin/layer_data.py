"""A focal stack as layer data of napari: data, arguments and type, without napari."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.stack_axes import UNNAMED, with_planes_along
from napari_focusstack.io.reading.stack_header import StackHeader
from napari_focusstack.planes.checks import are_even

if TYPE_CHECKING:
    import numpy as np
    from dask.array import Array

    from napari_focusstack.io.reading.calibration import Channel


#: Data, the keyword arguments of napari's add_image or add_labels, "image" or "labels".
LayerData = tuple[Any, dict[str, Any], str]
#: Colormaps of napari by colour: red, green and blue.
COLORMAPS: dict[tuple[float, ...], str] = {
    (1, 0, 0): "red",
    (0, 1, 0): "green",
    (0, 0, 1): "blue",
    (0, 1, 1): "cyan",
    (1, 0, 1): "magenta",
    (1, 1, 0): "yellow",
    (1, 1, 1): "gray",
}
#: Colormaps of channels without a colour in the file, in the order of ImageJ.
DEFAULT_COLORMAPS = ("red", "green", "blue", "gray", "cyan", "magenta", "yellow")

#: Relative difference up to which a chosen z step is that of the file: the dock rounds it.
SAME_STEP = 1e-3


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The user's choices for a stack whose file describes it wrongly or not at all."""

    #: Letter of the focus axis; X where the planes are stored last.
    focus: str
    #: End of the focus axis that is nearest to the lens; auto leaves it to the fusion.
    near: Literal["first", "last", "auto"] = "auto"
    #: One channel, counted from 0; None takes all.
    channel: int | None = None
    #: First and last plane, counted from 0, both included; None takes all.
    planes: tuple[int, int] | None = None
    #: Distance between planes, > 0.
    z_step: float = 1.0
    #: A key of `napari_focusstack.io.reading.calibration.SPELLINGS`, or "pixel".
    unit: str = "pixel"


def choose(
    stack: StackHeader, data: np.ndarray | Array, choice: Choice
) -> tuple[StackHeader, np.ndarray | Array]:
    """Apply the user's choices to a stack. The focus axis becomes the first axis, named Z.

    Parameters
    ----------
    stack : StackHeader
        Header from the file.
    data : ndarray or dask Array
        Pixels of the stack.
    choice : Choice
        The user's choices.

    Returns
    -------
    header : StackHeader
        Header of the chosen part.
    data : ndarray or dask Array
        The chosen part: a view, or a lazy array if `data` is lazy.

    Raises
    ------
    InputError
        If chosen planes do not exist, or the step is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> shape = (6, 2, 32, 48)
    >>> units = ("pixel",) * 4
    >>> stack = StackHeader((Path("a.tif"),), 0, "TCYX", shape, np.dtype("u1"), (1,) * 4, units)
    >>> choice = Choice(focus="T", channel=0, planes=(1, 4), z_step=2.0, unit="um")
    >>> chosen, data = choose(stack, np.zeros(shape, np.uint8), choice)
    >>> chosen.axes, chosen.scale, data.shape
    ('ZYX', (2.0, 1, 1), (4, 32, 48))
    """
    if not choice.z_step > 0:
        raise InputError(f"the z step is {choice.z_step:g}; give a distance above 0.")
    axes, scale, units, channels = stack.axes, stack.scale, stack.units, stack.channels
    if choice.channel is not None and "C" in axes and choice.focus != "C":
        c = axes.index("C")
        data = data[(slice(None),) * c + (choice.channel,)]
        axes, channels = axes.replace("C", ""), ()
        scale, units = scale[:c] + scale[c + 1 :], units[:c] + units[c + 1 :]
    focus = axes.index(choice.focus)
    if choice.focus in "YX":
        axes = with_planes_along(axes, choice.focus)
    order = [focus, *(axis for axis in range(len(axes)) if axis != focus)]
    data = data.transpose(order)
    first, last = choice.planes or (0, len(data) - 1)
    if not 0 <= first <= last < len(data):
        raise InputError(
            f"there are no planes {first + 1} to {last + 1} of {len(data)}; choose others."
        )
    data = data[first : last + 1]
    rest = axes[:focus] + axes[focus + 1 :]
    if "Z" in rest:
        rest = rest.replace("Z", next(letter for letter in UNNAMED if letter not in rest))
    is_as_in_file = focus == stack.focus_axis and math.isclose(
        choice.z_step, scale[focus], rel_tol=SAME_STEP
    )
    chosen = replace(
        stack,
        axes="Z" + rest,
        positions=(stack.focus_positions or ())[first : last + 1] if is_as_in_file else (),
        shape=data.shape,
        scale=(choice.z_step, *scale[:focus], *scale[focus + 1 :]),
        units=(choice.unit, *units[:focus], *units[focus + 1 :]),
        channels=() if choice.focus == "C" else channels,
    )
    return chosen, data


def layers_of(
    stack: StackHeader, data: np.ndarray | Array, near: str | None = None
) -> list[LayerData]:
    """Return the layer data of a stack, one layer for each channel.

    Parameters
    ----------
    stack : StackHeader
        From `napari_focusstack.io.reading.stack_header.describe` or `choose`.
    data : ndarray or dask Array
        Pixels of the stack.
    near : {"first", "last", "auto"}, optional
        End that is nearest to the lens, if the user chose it.

    Returns
    -------
    list of LayerData
        With scale, units and axis_labels (one entry for each axis except colours). The metadata
        have an entry "focusstack", a dict of "path" (file or folder); for a stack "focus_axis"
        (index in the layer), "z_step" and "unit", and "positions" where the file says that its
        planes lie at unequal steps; "near" if given; "record" for a result; "photo"
        for EXIF and colour profile (`napari_focusstack.io.reading.photo_metadata.PhotoMetadata`).
    """
    c = stack.axes.find("C")
    axes = [axis for axis in range(len(stack.scale)) if axis != c]
    labels = tuple(stack.axes[axis].lower() for axis in axes)
    focus = stack.focus_axis
    path = stack.files[0] if len(stack.files) == 1 else stack.files[0].parent
    about: dict[str, Any] = {"path": str(path)}
    if focus is not None:
        about["focus_axis"] = axes.index(focus)
        about["z_step"], about["unit"] = stack.scale[focus], stack.units[focus]
        if stack.focus_positions is not None and not are_even(stack.focus_positions):
            about["positions"] = stack.focus_positions
    if near is not None:
        about["near"] = near
    if stack.record is not None:
        about["record"] = stack.record
    if stack.photo is not None:
        about["photo"] = stack.photo
    count = 1 if c < 0 else stack.shape[c]
    layers: list[LayerData] = []
    for number in range(count):
        meta: dict[str, Any] = {
            "name": stack.name,
            "scale": tuple(stack.scale[axis] for axis in axes),
            "units": tuple(stack.units[axis] for axis in axes),
            "axis_labels": labels,
            "metadata": {"focusstack": dict(about)},
        }
        if c >= 0:
            channel = stack.channels[number]
            meta["name"] = f"{stack.name} {channel.name or f'channel {number + 1}'}"
            meta["colormap"] = _colormap(channel, number)
            meta["blending"] = "additive"
        if not stack.labels:
            meta["rgb"] = stack.rgb
        pixels = data if c < 0 else data[(slice(None),) * c + (number,)]
        layers.append((pixels, meta, "labels" if stack.labels else "image"))
    return layers


def _colormap(channel: Channel, number: int) -> str | tuple[tuple[float, ...], ...]:
    """Return the colormap of a channel: a name, or its darkest and brightest colour."""
    if channel.colour is None:
        return DEFAULT_COLORMAPS[number % len(DEFAULT_COLORMAPS)]
    return COLORMAPS.get(channel.colour, ((0.0, 0.0, 0.0), channel.colour))
