"""The recipe says what its values are for, and refuses what cannot be trained with."""

from dataclasses import asdict, fields

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.training import trainer
from napari_focusstack.training.config import TrainParameters


def test_the_defaults_are_those_of_the_documentation():
    assert asdict(TrainParameters()) == {
        "network": "fsb",
        "width": 16,
        "steps": 4000,
        "batch": 8,
        "learning_rate": 1e-3,
        "average": 0.998,
        "validate_every": 250,
        "validation_pairs": 96,
        "seed": 0,
    }
    assert trainer.TrainParameters is TrainParameters


def test_every_value_has_a_help_text_and_a_default_among_its_choices():
    for each in fields(TrainParameters):
        assert len(each.metadata["help"]) > 10, each.name
        choices = each.metadata["choices"]
        assert not choices or each.default in choices


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("network", "unet", "network is 'unet'; choose one of fsb, keb, deb"),
        ("steps", 0, "steps is 0; give more than 0"),
        ("batch", -1, "batch is -1; give more than 0"),
        ("learning_rate", 0.0, r"learning_rate is 0\.0; give more than 0"),
        ("learning_rate", float("nan"), "learning_rate is nan; give more than 0"),
        ("validate_every", 0, "validate_every is 0; give more than 0"),
        ("average", 1.0, r"average is 1\.0; give at least 0 and less than 1"),
    ],
)
def test_a_value_that_cannot_be_trained_with_is_refused(name, value, told):
    with pytest.raises(InputError, match=told):
        TrainParameters(**{name: value})


def test_a_seed_of_zero_and_weights_without_average_are_fine():
    assert TrainParameters(seed=0, average=0.0).average == 0
