"""Cases that several modules of tests read."""

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_focusstack.io.writing.image import write_image


def encode_truth(scene, dtype="uint8", *, grey=False):
    """The all-in-focus truth, coded as the planes are."""
    return replace(scene, near=scene.truth).planes(dtype, grey=grey)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_scene):
    """Case a knows everything, b its planes only, c is 16-bit grey; in other/ are near planes."""
    path = tmp_path_factory.mktemp("cases")
    (path / "other").mkdir()
    scene = make_scene(3.0, side=96)
    for name, grey, knows in (("a", False, True), ("b", False, False), ("c", True, True)):
        dtype = "uint16" if grey else "uint8"
        near, far = scene.planes(dtype, grey=grey)
        images = {"near": near, "far": far}
        if knows:
            images["mask"] = (scene.alpha[0].numpy() * 255).round().astype(np.uint8)
            images["truth"] = encode_truth(scene, dtype, grey=grey)
            (path / f"{name}-meta.json").write_text(json.dumps({"sigma_px": 3.0}))
        for kind, image in images.items():
            write_image(path / f"{name}{'_' if name == 'b' else '-'}{kind}.png", image)
        write_image(path / "other" / f"{name}.png", near)
    (path / "notes.txt").write_text("not a case")
    return path
