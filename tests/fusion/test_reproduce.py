"""A run in words that repeat it."""

import json
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_focusstack.commands.main import _parser
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.reproduce import (
    as_command,
    as_python,
    from_record,
    layer_as_python,
    read_settings,
)
from napari_focusstack.parameters import FuseParameters


def test_a_command_says_what_differs_from_the_defaults():
    line = as_command(FuseParameters(psf=4.5, crf=False), ["my near.tif", "far.tif"], "out.tif")
    assert shlex.split(line)[2:] == [
        *("my near.tif", "far.tif", "-o", "out.tif"),
        *("--psf", "4.5", "--no-crf"),
    ]


def test_a_command_names_labels_the_channel_that_leads_and_the_axis():
    line = as_command(FuseParameters(), ["cells.tif"], "out.tif", "my labels.tif", 2, "C")
    assert line.endswith("-o out.tif --labels 'my labels.tif' --channel 2 --axis C")


def test_a_command_never_reads_a_file_as_an_option():
    files = ["-o.tif", "--help", "new\nline.tif", "$(touch x).tif", "quote'\".tif"]
    settings = FuseParameters(fsb_weights="-w.safetensors")
    line = as_command(settings, files, "-fused.tif", "-labels.tif")
    options = _parser().parse_args(shlex.split(line)[1:])
    assert options.sources == [Path(file) for file in files]
    assert (options.output, options.labels) == (Path("-fused.tif"), Path("-labels.tif"))
    assert Path(options.fsb_weights) == Path("-w.safetensors")


@pytest.mark.parametrize(
    "name", ['"]); ran.append(1)#', "']); ran.append(1)#", "back\\", "new\nline", "\u2028", "-o"]
)
def test_python_takes_the_name_of_a_layer_for_nothing_but_a_name(name):
    ran = []
    viewer = SimpleNamespace(layers={name: "the layer"})
    nfs = SimpleNamespace(fuse=lambda planes, labels: (planes, labels))
    known = {"viewer": viewer, "nfs": nfs, "ran": ran}
    layer = layer_as_python(name)
    _, line = as_python(FuseParameters(), [layer], layer).splitlines()  # after the import
    exec(line, known)
    assert known["result"] == ("the layer", "the layer")
    assert not ran


def test_two_planes_are_a_list_in_python():
    line = as_python(FuseParameters(near="last"), ["near", "far"], labels="planes")
    assert line.splitlines() == [
        "import napari_focusstack as nfs",
        "result = nfs.fuse([near, far], labels=planes, near='last')",
    ]


def test_what_a_record_says_of_unknown_parameters_is_left_out():
    told = {"parameters": {"psf": 4.5, "gone": 1}}
    assert from_record(told) == FuseParameters(psf=4.5)


def test_a_record_without_parameters_is_refused():
    with pytest.raises(InputError, match="holds no parameters"):
        from_record({"software": "napari-focusstack"})


def test_settings_are_read_from_a_report(tmp_path):
    record = {"software": "napari-focusstack", "parameters": {"psf": 4.5, "near": "last"}}
    (tmp_path / "report.JSON").write_text(json.dumps(record))
    assert from_record(read_settings(tmp_path / "report.JSON")) == FuseParameters(
        psf=4.5, near="last"
    )


@pytest.mark.parametrize("text", ["", "[1, 2]", "\udcff", '{"software": "another"}'])
def test_a_file_that_is_no_report_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"r\.json is no report of napari-focusstack"):
        read_settings(tmp_path / "r.json")
    with pytest.raises(InputError, match=r"gone\.json does not exist"):
        read_settings(tmp_path / "gone.json")
