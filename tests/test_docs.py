"""The Python in the documentation and in docstrings runs as it stands."""

import doctest
import importlib
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from npe2 import PluginManager

import napari_focusstack
from napari_focusstack.samples import pair as samples

DOCS = Path(__file__).resolve().parents[1] / "docs"
PACKAGE = Path(napari_focusstack.__file__).parent
WITH_EXAMPLES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the Python of a page from top to bottom, in one namespace, on small samples."""
    monkeypatch.setattr(samples, "sample_pair", partial(samples.sample_pair, (96, 128)))
    monkeypatch.chdir(tmp_path)

    def run(page):
        PluginManager.instance().discover()
        blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
        assert blocks
        names = {"viewer": ViewerModel()}
        for block in blocks:
            exec(block, names)
        return names

    return run


@pytest.mark.parametrize("folder", sorted({path.parts[0] for path in WITH_EXAMPLES}))
def test_the_examples_of_each_module_of_a_folder_run(folder):
    for path in (path for path in WITH_EXAMPLES if path.parts[0] == folder):
        name = ".".join((PACKAGE.name, *path.with_suffix("").parts))
        outcome = doctest.testmod(importlib.import_module(name))
        assert outcome.attempted > 0, name
        assert outcome.failed == 0, name


def test_the_python_page_runs(run):
    names = run("python.md")
    assert names["image"].shape == names["near"].shape
    assert names["sigma_px"] > 0


def test_the_napari_page_runs(run):
    names = run("napari.md")
    np.testing.assert_array_equal(names["again"].data, names["fused"].data)
    assert names["result"].labels[50, 100] == 1
    assert [layer.name for layer in names["viewer"].layers] == [
        *("pair", "truth", "fused", "planes", "near", "far", "fused [1]")
    ]


def test_the_page_on_stacks_runs(run):
    names = run("stacks.md")
    planes = names["planes"]
    assert names["result"].depth.max() <= 2.5 * (len(planes) - 1)
    assert (names["corrected"].labels[62:68, 102:108] == 2).all()
    np.testing.assert_array_equal(names["second"].labels, names["first"].labels)
    assert Path("surface.obj").stat().st_size > 10_000


def test_the_page_on_big_stacks_runs(run):
    names = run("batch.md")
    assert names["store"].backing == "scratch"
    np.testing.assert_array_equal(tifffile.imread("fused.tif"), names["planes"][:2])


def test_the_page_on_registration_runs(run):
    names = run("registration.md")
    assert names["again"] == names["found"]
    rows, columns = names["rows"], names["columns"]
    apart = [np.abs(one - names["moved"][2])[rows, columns].mean() for one in names["moved"]]
    assert max(apart) < 0.01


def test_the_page_on_projection_runs(run):
    names = run("projection.md")
    assert names["flat"].dtype == np.uint16
    nearest = np.floor(names["surface"].surface + 0.5).astype(int)[None] - 1
    assert (names["flat"] >= np.take_along_axis(names["planes"], nearest, 0)[0]).all()
    np.testing.assert_array_equal(names["by_hand"], names["planes"][1:4].max(0))


def test_the_python_page_names_everything_that_is_public():
    table = (DOCS / "python.md").read_text("utf-8").partition("| name | what it is |")[2]
    named = [
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.partition("| ")[2])
    ]
    assert sorted(named) == sorted(set(napari_focusstack.__all__) - {"__version__"})


def test_only_the_page_on_architecture_names_inner_modules():
    for page in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]:
        named = set(re.findall(r"napari_focusstack\.(\w+)", page.read_text("utf-8")))
        assert named <= set(napari_focusstack.__all__) or page.name == "architecture.md", page


def test_the_reference_lists_every_public_name():
    listed = re.findall(
        r"^::: napari_focusstack\.(\w+)$", (DOCS / "api.md").read_text("utf-8"), re.M
    )
    assert sorted(listed) == sorted(set(napari_focusstack.__all__) - {"__version__"})
