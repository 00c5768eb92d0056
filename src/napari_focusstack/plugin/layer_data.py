"""A focal stack as napari layers, described without napari: data, arguments, and type."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.stack_header import UNNAMED, StackHeader

if TYPE_CHECKING:
    import numpy as np
    from dask.array import Array

    from napari_focusstack.io.reading.calibration import Channel


#: Data, the keyword arguments of napari's add_image or add_labels, "image" or "labels".
LayerData = tuple[Any, dict[str, Any], str]
COLORMAPS: dict[tuple[float, ...], str] = {
    (1, 0, 0): "red",
    (0, 1, 0): "green",
    (0, 0, 1): "blue",
    (0, 1, 1): "cyan",
    (1, 0, 1): "magenta",
    (1, 1, 0): "yellow",
    (1, 1, 1): "gray",
}
#: Of channels whose file names no colours, as ImageJ shows them.
DEFAULT_COLORMAPS = ("red", "green", "blue", "gray", "cyan", "magenta", "yellow")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a user says of a stack whose file says it wrong or not at all."""

    #: Letter of the axis along which focus changes.
    focus: str
    #: Which end of it is nearest to the lens.
    near: Literal["first", "last"] = "first"
    #: One channel, counted from 0, or all.
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
    """Take what the user wants of a stack, with the focus axis first and named Z.

    Parameters
    ----------
    stack : FocalStack
        What the file says.
    data : ndarray or dask Array
        Its pixels.
    choice : Choice
        What the user says.

    Returns
    -------
    FocalStack, ndarray or dask Array
        The part chosen; data is a view, or lazy if it was.

    Raises
    ------
    InputError
        If no such plane exists or the step is not above 0.

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
        at = axes.index("C")
        data = data[(slice(None),) * at + (choice.channel,)]
        axes, channels = axes.replace("C", ""), ()
        scale, units = scale[:at] + scale[at + 1 :], units[:at] + units[at + 1 :]
    at = axes.index(choice.focus)
    order = [at, *(axis for axis in range(len(axes)) if axis != at)]
    data = data.transpose(order)
    first, last = choice.planes or (0, len(data) - 1)
    if not 0 <= first <= last < len(data):
        raise InputError(f"there are no planes {first + 1} to {last + 1} of {len(data)}; mend it.")
    data = data[first : last + 1]
    rest = axes[:at] + axes[at + 1 :]
    if "Z" in rest:
        rest = rest.replace("Z", next(letter for letter in UNNAMED if letter not in rest))
    chosen = replace(
        stack,
        axes="Z" + rest,
        shape=data.shape,
        scale=(choice.z_step, *scale[:at], *scale[at + 1 :]),
        units=(choice.unit, *units[:at], *units[at + 1 :]),
        channels=() if choice.focus == "C" else channels,
    )
    return chosen, data


def layers_of(
    stack: StackHeader, data: np.ndarray | Array, near: Literal["first", "last"] | None = None
) -> list[LayerData]:
    """Describe the layers that show a stack, one per channel.

    Parameters
    ----------
    stack : FocalStack
        From `napari_focusstack.io.reading.stack_header.describe` or `choose`.
    data : ndarray or dask Array
        Its pixels.
    near : {"first", "last"}, optional
        Which end is nearest to the lens, where the user said so.

    Returns
    -------
    list of LayerData
        With scale, units and axis_labels (one entry each per axis but colours), and as metadata
        "focusstack", a dict of "path", the file or folder; of a stack "focus_axis", its index in
        the layer, "z_step" and "unit"; "near" if given; and "record" if the file is a result.
    """
    at = stack.axes.find("C")
    axes = [axis for axis in range(len(stack.scale)) if axis != at]
    labels = tuple(stack.axes[axis].lower() for axis in axes)
    focus = stack.focus_axis
    path = stack.files[0] if len(stack.files) == 1 else stack.files[0].parent
    about: dict[str, Any] = {"path": str(path)}
    if focus is not None:
        about["focus_axis"] = axes.index(focus)
        about["z_step"], about["unit"] = stack.scale[focus], stack.units[focus]
    if near is not None:
        about["near"] = near
    if stack.record is not None:
        about["record"] = stack.record
    count = 1 if at < 0 else stack.shape[at]
    layers: list[LayerData] = []
    for number in range(count):
        meta: dict[str, Any] = {
            "name": stack.name,
            "scale": tuple(stack.scale[axis] for axis in axes),
            "units": tuple(stack.units[axis] for axis in axes),
            "axis_labels": labels,
            "metadata": {"focusstack": dict(about)},
        }
        if at >= 0:
            channel = stack.channels[number]
            meta["name"] = f"{stack.name} {channel.name or f'channel {number + 1}'}"
            meta["colormap"] = _colormap(channel, number)
            meta["blending"] = "additive"
        if not stack.labels:
            meta["rgb"] = stack.rgb
        plane = data if at < 0 else data[(slice(None),) * at + (number,)]
        layers.append((plane, meta, "labels" if stack.labels else "image"))
    return layers


def _colormap(channel: Channel, number: int) -> str | tuple[tuple[float, ...], ...]:
    if channel.colour is None:
        return DEFAULT_COLORMAPS[number % len(DEFAULT_COLORMAPS)]
    return COLORMAPS.get(channel.colour, ((0.0, 0.0, 0.0), channel.colour))
