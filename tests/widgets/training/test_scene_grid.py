"""Validation scenes as a picture."""

import numpy as np
import pytest
import torch

from napari_focusstack.training.trainer import Examples
from napari_focusstack.widgets.training.scene_grid import GAP_PX, Preview, mosaic

SIDE = 16


@pytest.fixture
def examples():
    rng = torch.Generator().manual_seed(0)
    near, far = (torch.rand(8, 3, SIDE, SIDE, generator=rng) for _ in range(2))
    truth, answer = (torch.rand(24, 1, SIDE, SIDE, generator=rng) for _ in range(2))
    return Examples(near, far, truth, answer)


def test_scenes_are_rows_of_near_far_true_and_found_alpha(examples):
    pixels = mosaic(examples, 3)
    step = SIDE + GAP_PX
    assert pixels.shape == (3 * step, 4 * step, 4)
    parts = (examples.near, examples.far, examples.truth, examples.answer)
    for scene in range(3):
        for column, part in enumerate(parts):
            cell = pixels[scene * step :, column * step :][:step, :step]
            expected = (part[scene].expand(3, -1, -1) * 255).round().permute(1, 2, 0).numpy()
            np.testing.assert_array_equal(cell[:SIDE, :SIDE, :3], expected)
            assert (cell[:SIDE, :SIDE, 3] == 255).all()
            assert (cell[SIDE:, :, 3] == 0).all()
            assert (cell[:, SIDE:, 3] == 0).all()


def test_a_picture_fills_the_width_and_keeps_its_shape(qtbot):
    preview = Preview()
    qtbot.addWidget(preview)
    line = preview.fontMetrics().height()
    assert preview.heightForWidth(300) == line
    preview.show_pixels(np.full((30, 60, 4), (255, 0, 0, 255), np.uint8))
    assert preview.heightForWidth(300) == line + 150
    preview.resize(300, preview.heightForWidth(300))
    image = preview.grab().toImage()
    for x, y in ((2, line + 2), (297, line + 147)):
        assert image.pixelColor(x, y).getRgb()[:3] == (255, 0, 0)
    assert image.pixelColor(2, line // 2).getRgb()[:3] != (255, 0, 0)
