"""Options of commands are the fields of the parameters."""

from dataclasses import fields

from napari_focusstack.commands import main as cli
from napari_focusstack.commands.options import read_parameters
from napari_focusstack.training.config import TrainParameters


def test_train_has_an_option_for_each_value_of_the_recipe():
    given = TrainParameters(
        network="keb", width=8, steps=7, batch=3, learning_rate=2.5e-4, average=0.9,
        validate_every=5, validation_pairs=16, seed=4,
    )  # fmt: skip
    words = [
        word
        for each in fields(TrainParameters)[1:]
        for word in (f"--{each.name.replace('_', '-')}", str(getattr(given, each.name)))
    ]
    for expected, more in ((given, words), (TrainParameters(network="keb"), [])):
        options = cli._parser().parse_args(["train", "keb", "--data", "here", *more])
        assert read_parameters(options, TrainParameters) == expected
