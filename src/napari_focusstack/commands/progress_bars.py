"""Progress bars of the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.planes.scratch import Closing

if TYPE_CHECKING:
    from typing import NoReturn

    from tqdm import tqdm

    from napari_focusstack.runtime.progress import Progress


#: Time before a progress bar appears, s (convention).
DELAY_S = 1.0


class Bars(Closing):
    """Progress bars, one per step; call the object to report progress."""

    def __init__(self) -> None:
        self.step = ""
        self.bar: tqdm[NoReturn] | None = None

    def __call__(self, progress: Progress) -> None:
        """Display the progress of a step."""
        if self.bar is None or progress.step != self.step:
            from tqdm import tqdm

            self.close()
            self.step = progress.step
            self.bar = tqdm(
                desc=progress.step,
                total=progress.total,
                delay=DELAY_S,
                leave=False,
                unit="part",
                disable=None,  # no bar where the output is not a terminal
            )
        self.bar.update(progress.done - self.bar.n)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()
