"""The verdict on trained weights: better or worse than those that are shipped."""

import pytest

from napari_focusstack.training import comparison
from napari_focusstack.training.comparison import FIGURES, Comparison, compare


@pytest.mark.parametrize(
    ("network", "trained", "shipped", "outcome"),
    [
        ("fsb", 0.95, 0.92, "better"),
        ("fsb", 0.90, 0.92, "worse"),
        ("deb", 0.9001, 0.9, "as good"),
        ("keb", 0.05, 0.06, "better"),  # an error
        ("keb", 0.06, 0.05, "worse"),
        ("meb", 0.0501, 0.05, "as good"),
    ],
)
def test_more_is_better_of_shares_and_less_of_errors(network, trained, shipped, outcome):
    made = Comparison(network, trained, shipped, held_back=12)
    assert made.outcome == outcome
    assert made.sentence.startswith(outcome.capitalize())
    assert f"{trained:.3f}, installed {shipped:.3f}" in made.sentence
    assert "12 pictures held back" in made.sentence


def test_a_verdict_without_pictures_held_back_says_so():
    assert "too few to hold any back" in Comparison("fsb", 0.9, 0.8, held_back=0).sentence


def test_both_weights_are_scored_by_the_figure_of_their_network(monkeypatch):
    class Trained:
        class parameters:
            network = "keb"

        device, held_back = "cpu", 3

        def validate(self):
            return {"sigma_error": 0.2, "sigma_bias": 0.1}

        def score(self, network):
            assert network == "the shipped KEB"
            return {"sigma_error": 0.1, "sigma_bias": 0.1}

    monkeypatch.setattr(comparison.weights, "load", lambda *_: ("the shipped KEB", "digest"))
    assert compare(Trained()) == Comparison("keb", 0.2, 0.1, 3)


def test_each_network_that_can_be_trained_has_its_figure():
    assert set(FIGURES) == {"fsb", "keb", "deb", "meb"}
