"""Menu of the devices that this machine has. They are found in a thread, which loads torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox
from qtpy.QtCore import QTimer

from napari_focusstack.parameters import InputParameters
from napari_focusstack.widgets.controls.preload import FUSION_LOADED, preload_fusion
from napari_focusstack.widgets.controls.workers import create_worker

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Devices of every machine.
ALWAYS = ("auto", "cpu")
#: Menu entries.
WORDS = {"auto": "automatic", "cpu": "CPU", "mps": "GPU (Metal)"}


class DeviceMenu(ComboBox):
    """A menu of devices; one that is chosen before it is known is taken once it is."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ALWAYS
        self._wish = "auto"
        super().__init__(
            name="device",
            label="device",
            choices=lambda _: [(_title(name), name) for name in self._known],
            tooltip=InputParameters.__dataclass_fields__["device"].metadata["help"],
        )
        if FUSION_LOADED.is_set():  # so it takes no time
            self._offer(_devices())
            return
        self._worker = create_worker(_devices, _start_thread=False, _ignore_errors=True)
        self._worker.returned.connect(self._offer)
        QTimer.singleShot(0, self._worker.start)  # once the dock is shown

    def choose(self, name: str) -> None:
        """Choose a device; automatic where this machine does not have it."""
        self._wish = name
        self.value = name if name in self._known else "auto"

    def _offer(self, names: Sequence[str]) -> None:
        chosen = self.value if self.value != "auto" else self._wish
        self._known = tuple(names)
        self.reset_choices()
        self.choose(str(chosen))


def _title(name: str) -> str:
    """Return the menu entry of a device."""
    kind, _, number = name.partition(":")
    if kind == "cuda":
        return f"GPU {int(number) + 1}" if number else "GPU (CUDA)"
    return WORDS[name]


def _devices() -> tuple[str, ...]:
    """Return the devices of this machine, and load what a fusion needs."""
    preload_fusion()
    from napari_focusstack.networks.device import available_devices

    return available_devices()
