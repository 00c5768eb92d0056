"""Whether trained weights are better than the shipped ones, on pictures held back from training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_focusstack.networks import weights

if TYPE_CHECKING:
    from napari_focusstack.training.trainer import Training


#: The figure of a validation that decides for each network, and what it is in words.
FIGURES = {
    "fsb": ("mean_iou", "overlap of the foreground with the true one (IoU)"),
    "keb": ("sigma_error", "median error of the blur"),
    "deb": ("edge_within_one", "share of pixels beside depth edges that are right within a plane"),
    "meb": ("light_error", "error of the light along depth edges"),
}
#: Figures of which less is better.
ERRORS = ("sigma_error", "light_error")
#: Two networks are equally good where their errors differ by less than this share (convention).
SAME = 0.03


@dataclass(frozen=True)
class Comparison:
    """Figures of trained and of shipped weights, on the same scenes.

    Parameters
    ----------
    network : {"fsb", "keb", "deb", "meb"}
        The network.
    trained, shipped : float
        The figure of :data:`FIGURES`, 0..1.
    held_back : int
        Number of pictures that the scenes are made of and that the training did not use; 0 where it
        used them.

    Examples
    --------
    >>> print(Comparison("fsb", 0.95, 0.92, 12).sentence)
    Better than the installed weights, on 12 pictures held back from this training: overlap of the \
foreground with the true one (IoU) 0.950, installed 0.920.
    """

    network: str
    trained: float
    shipped: float
    held_back: int

    @property
    def outcome(self) -> Literal["better", "as good", "worse"]:
        """How the trained weights compare."""
        name, _ = FIGURES[self.network]
        ours, theirs = self.trained, self.shipped
        if name not in ERRORS:
            ours, theirs = 1 - ours, 1 - theirs
        if abs(ours - theirs) <= SAME * theirs:
            return "as good"
        return "better" if ours < theirs else "worse"

    @property
    def sentence(self) -> str:
        """The outcome in words, with both figures."""
        _, figure = FIGURES[self.network]
        than = "as" if self.outcome == "as good" else "than"
        noun = "picture" if self.held_back == 1 else "pictures"
        where = (
            f"on {self.held_back} {noun} held back from this training"
            if self.held_back
            else "on the pictures of this training, which were too few to hold any back"
        )
        return (
            f"{self.outcome.capitalize()} {than} the installed weights, {where}: {figure} "
            f"{self.trained:.3f}, installed {self.shipped:.3f}."
        )


def compare(training: Training) -> Comparison:
    """Score the averaged weights of a training and the shipped ones on the held-back pictures."""
    network = training.parameters.network
    shipped, _ = weights.load(network, training.device)
    name, _ = FIGURES[network]
    trained = training.validate()[name]
    return Comparison(network, trained, training.score(shipped)[name], training.held_back)
