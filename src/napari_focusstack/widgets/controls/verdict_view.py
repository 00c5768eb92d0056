"""A verdict in one coloured sentence, with a button for each finding that can be acted on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_focusstack.widgets.controls.form import SPACING_PX
from napari_focusstack.widgets.controls.wrapping import wrap

#: Bar beside a good and a doubtful verdict: legible in dark and light themes.
GOOD_COLOUR, DOUBTFUL_COLOUR = "#3aa655", "#e08a1e"


@dataclass(frozen=True)
class Finding:
    """One thing that is odd about the planes.

    Parameters
    ----------
    text : str
        What is odd, in one sentence.
    remedy : str
        What a button does about it, as its text; empty where nothing can be done in the dock.
    action : str
        Name of what the button does; empty where there is none.
    planes : tuple of int
        Planes that it concerns, as the layer counts them, from 1.
    is_doubt : bool
        Whether it makes the result doubtful.
    """

    text: str
    remedy: str = ""
    action: str = ""
    planes: tuple[int, ...] = ()
    is_doubt: bool = True


@dataclass(frozen=True)
class Verdict:
    """Whether a result can be trusted, why, and what to do.

    Parameters
    ----------
    is_good : bool
        Whether nothing speaks against the result.
    text : str
        One sentence with the reason and, where the result is doubtful, what to do.
    findings : tuple of Finding
        What is odd about the planes, most serious first, one of each kind.
    """

    is_good: bool
    text: str
    findings: tuple[Finding, ...] = ()


class VerdictView(QWidget):
    """Shows a verdict; hidden while there is none."""

    #: Emitted with the finding whose button was pressed.
    acted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = QLabel()
        wrap(self.sentence)  # also where other docks leave little height
        self.sentence.setIndent(0)  # beside its bar Qt adds one, and counts it twice for the height
        self.buttons: list[QPushButton] = []
        self._rows: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING_PX)
        self._column.addWidget(self.sentence)
        self.setVisible(False)

    def show_verdict(self, verdict: Verdict | None) -> None:
        """Show a verdict and its findings; None hides all."""
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()  # Qt deletes it later, and would draw it over the new ones until then
            row.deleteLater()
        self._rows, self.buttons = [], []
        self.setVisible(verdict is not None)
        self.sentence.setText("" if verdict is None else verdict.text)
        if verdict is None:
            return
        colour = GOOD_COLOUR if verdict.is_good else DOUBTFUL_COLOUR
        self.sentence.setStyleSheet(
            f"border-left: 5px solid {colour}; padding: 2px 4px 2px 6px; font-weight: bold"
        )
        for finding in verdict.findings:
            is_said = finding.text[1:] in verdict.text
            if finding.action or not is_said:
                self._rows.append(self._row(finding, with_text=not is_said))
                self._column.addWidget(self._rows[-1])

    def _row(self, finding: Finding, *, with_text: bool) -> QWidget:
        """Return a finding with its button; without its text where the sentence says it."""
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(11, 0, 0, 0)
        text = QLabel(finding.text if with_text else "")
        wrap(text)
        row.addWidget(text, 1)
        if finding.action:
            button = QPushButton(finding.remedy)
            button.setToolTip("do this, and fuse again")
            button.clicked.connect(partial(self._act, finding))
            row.addWidget(button)
            self.buttons.append(button)
        return line

    def _act(self, finding: Finding, _: bool = False) -> None:
        self.acted.emit(finding)
