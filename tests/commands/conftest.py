"""The command run in this process, and files for it."""

from dataclasses import dataclass

import numpy as np
import pytest

from napari_focusstack.commands.main import main
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.networks import weights
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.samples.pair import sample_pair
from napari_focusstack.samples.specimen import sample_layers

SIZE = (96, 128)


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys):
    """Runs the command in this process: run("fuse", path, ...)."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Finished(code, *capsys.readouterr())

    return run


@pytest.fixture
def pair(tmp_path):
    """A near, a far and a mask image of a small scene in a folder."""
    near, far, _ = sample_pair(SIZE)
    mask = (sample_layers(SIZE)[1] > 0.5).astype(np.uint8) * 255
    for name, image in {"near": near, "far": far, "mask": mask}.items():
        write_image(tmp_path / f"{name}.png", image)
    return tmp_path


@pytest.fixture
def networks(tmp_path):
    """Options that name tiny untrained networks."""
    options = []
    for name, network in (("fsb", FSB(8, (2, 4))), ("keb", KEB(8))):
        weights.save(network, tmp_path / f"{name}.safetensors")
        options += [f"--{name}-weights", str(tmp_path / f"{name}.safetensors")]
    return options
