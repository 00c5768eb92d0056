"""Menu of the layers that are fused as other channels of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qtpy.QtGui import QAction


#: Text of the button where no layer is ticked, and last row of its menu.
NONE = "(none)"
TOGETHER = "find focus in all of them together"


class ChannelMenu(QPushButton):
    """A button with a menu of layers that can be ticked.

    A layer keeps its tick, or stays without, for as long as it is offered.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, QAction] = {}
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self._together = menu.addAction(TOGETHER)
        self._together.setCheckable(True)
        self._together.setToolTip("from the mean of the channels, rather than from the stack alone")
        self._line = menu.insertSeparator(self._together)
        self.setMenu(menu)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "other channels of the stack: they are fused with its focus and its registration, and "
            "follow the brush"
        )
        menu.triggered.connect(self._name)
        self._name()

    @property
    def chosen(self) -> list[str]:
        """Names of the layers that are ticked."""
        return [name for name, row in self._rows.items() if row.isChecked()]

    @property
    def together(self) -> bool:
        """Whether focus is estimated from all channels."""
        return bool(self._together.isChecked())

    def offer(self, names: Sequence[str], usual: Collection[str]) -> None:
        """Offer layers by name; a new one is ticked if it is among the usual."""
        before, self._rows = self._rows, {}
        for name in names:
            row = self.menu().addAction(name)
            row.setCheckable(True)
            row.setChecked(before[name].isChecked() if name in before else name in usual)
            self.menu().insertAction(self._line, row)
            self._rows[name] = row
        for row in before.values():
            self.menu().removeAction(row)
        self._name()

    def choose(self, name: str, *, ticked: bool = True) -> None:
        """Tick a layer, or not."""
        self._rows[name].setChecked(ticked)
        self._name()

    def find_together(self, *, ticked: bool = True) -> None:
        """Estimate focus from all channels, or from the stack alone."""
        self._together.setChecked(ticked)
        self._name()

    def _name(self, *_: object) -> None:
        chosen = self.chosen
        self.setText(chosen[0] if len(chosen) == 1 else f"{len(chosen)} layers" if chosen else NONE)
