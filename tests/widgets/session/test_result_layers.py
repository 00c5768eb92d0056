"""Result layers hold all time points, and their records say how each was made."""

import numpy as np
import pytest

from napari_focusstack.io.reading.photo_metadata import PhotoMetadata
from napari_focusstack.widgets.session.result_layers import KINDS, LABELS, ResultLayers
from napari_focusstack.widgets.session.source import Source

MADE = {"parameters": {"psf": "reblur"}, "weights": {"deb": "d" * 64}, "found": {"sigma_px": 1.5}}
IMAGE = np.full((48, 48), 7, np.uint8)


@pytest.fixture
def layers(viewer, movie):
    """Result layers of both time points, which share their napari layers."""
    first = ResultLayers(viewer, movie[0], "first")
    first.show("fused", IMAGE)
    return [first, ResultLayers(viewer, movie[1], "first")]


def record(layers, kind="fused"):
    return layers.image(kind).metadata["focusstack"]["record"]


def test_each_time_point_is_shown_in_its_slice(viewer, layers):
    assert layers[1].image("fused") is layers[0].image("fused")
    layers[1].show("fused", 2 * IMAGE)
    data = viewer.layers["movie fused"].data
    assert data.shape == (2, 1, 48, 48)
    assert (data[0] == 7).all()
    assert (data[1] == 14).all()
    layers[0].clear("fused")
    assert not data[0].any()
    assert (data[1] == 14).all()


def test_another_dtype_begins_afresh(viewer, layers):
    layers[1].show("fused", IMAGE.astype(np.float32))
    data = viewer.layers["movie fused"].data
    assert data.dtype == np.float32
    assert not data[0].any()
    assert (data[1] == 7).all()


def test_a_part_is_computed_only_for_a_layer_that_exists(viewer, layers):
    where = np.s_[2:4, 5:9]
    layers[1].update("fused", where, lambda _: np.full((2, 4), 9))
    changed = viewer.layers["movie fused"].data == 9
    assert changed.sum() == changed[1, 0, 2:4, 5:9].sum() == 8

    def fail(_):
        raise AssertionError

    layers[1].update("depth", where, fail)
    viewer.layers.remove("movie fused")
    layers[1].update("fused", where, fail)
    layers[1].clear("fused")


def test_a_cut_layer_shows_its_region_in_its_place(viewer, stack):
    layers = ResultLayers(viewer, stack, "first")
    assert layers.can_be_cut
    layers.show("fused", IMAGE)
    fused = layers.image("fused")
    corner, step = fused.translate.copy(), fused.scale.copy()
    layers.region = np.s_[5:40, 8:48]
    layers.show("fused", np.arange(48 * 48, dtype=np.uint8).reshape(48, 48))
    assert layers.image("fused") is fused
    assert fused.data.shape == (35, 40)
    assert fused.data[0, 0] == (5 * 48 + 8) % 256
    np.testing.assert_allclose(fused.translate, corner + step * (5, 8))
    asked = []

    def ones(where):
        asked.append(where)
        return np.ones((2, 3), np.uint8)

    layers.update("fused", np.s_[3:7, 6:11], ones)
    assert asked == [np.s_[5:7, 8:11]]
    assert (fused.data[:2, :3] == 1).all()
    layers.update("fused", np.s_[0:5, 0:48], ones)
    assert len(asked) == 1
    layers.region = None
    layers.show("fused", IMAGE)
    assert fused.data.shape == (48, 48)
    np.testing.assert_allclose(fused.translate, corner)


def test_layers_of_several_time_points_are_not_cut(layers):
    assert not layers[0].can_be_cut


def test_layers_of_the_same_stack_are_adopted_whichever_end_is_nearest(viewer, movie, layers):
    assert ResultLayers(viewer, movie[0], "last").image("fused") is layers[0].image("fused")
    other = viewer.add_image(movie[0].layers[0].data, name="other")
    assert ResultLayers(viewer, Source((other,), 1, (0, 0)), "first").image("fused") is None


def test_records_of_time_points_are_merged_in_order_and_replaced(layers):
    layers[1].write_record(MADE, "fused")
    layers[0].write_record({**MADE, "found": {"sigma_px": 0.5}}, "fused", "depth")
    assert record(layers[0])["found"] == [{"t": 0, "sigma_px": 0.5}, {"t": 1, "sigma_px": 1.5}]
    assert record(layers[0])["parameters"] == {"psf": "reblur"}
    layers[1].write_record({**MADE, "found": {"sigma_px": 2.5}}, "fused")
    assert record(layers[0])["found"] == [{"t": 0, "sigma_px": 0.5}, {"t": 1, "sigma_px": 2.5}]


def test_figures_are_replaced_at_one_time_point_only(layers):
    for each in layers:
        each.write_record(MADE, "fused")
    created = record(layers[0])["created"]
    layers[1].update_figures({"painted_px": 3}, LABELS, *KINDS)
    assert record(layers[0])["found"] == [
        {"t": 0, "sigma_px": 1.5},
        {"t": 1, "sigma_px": 1.5, "painted_px": 3},
    ]
    assert record(layers[0])["created"] == created


def test_a_layer_without_a_record_gets_no_figures(layers):
    layers[0].update_figures({"painted_px": 3}, "fused")
    assert "record" not in layers[0].image("fused").metadata["focusstack"]


def test_the_record_of_a_single_stack_is_not_a_list(viewer, stack):
    layers = ResultLayers(viewer, stack, "first")
    layers.show("fused", IMAGE)
    layers.write_record(MADE, "fused")
    layers.update_figures({"painted_px": 3}, "fused")
    assert record(layers)["found"] == {"sigma_px": 1.5, "painted_px": 3}


def test_results_are_recognised_after_the_source_is_renamed(viewer, movie, layers):
    movie[0].layers[0].name = "film"
    assert ResultLayers(viewer, movie[0], "first").image("fused") is None
    layers[0].rename_source()
    assert ResultLayers(viewer, movie[0], "first").image("fused") is layers[0].image("fused")


def test_labels_from_a_file_are_adopted_if_they_have_a_record_and_the_shape(viewer, stack):
    metadata = {"focusstack": {"record": {}}}
    own = viewer.add_labels(np.ones((48, 48), np.uint8), name="stack planes")
    assert ResultLayers(viewer, stack, "first").labels is None
    own.metadata = metadata
    adopted = ResultLayers(viewer, stack, "first")
    assert adopted.labels is own
    painted = adopted.painted()
    painted[:] = 0
    assert own.data.all()  # a copy
    own.data = np.ones((8, 8), np.uint8)
    assert ResultLayers(viewer, stack, "first").labels is None


def test_an_additive_channel_is_hidden_below_its_fused_image(viewer, planes):
    layer = viewer.add_image(planes, name="green", colormap="green", blending="additive")
    source = Source((layer,), 0, (0,))
    ResultLayers(viewer, source, "first").show("depth", IMAGE)
    assert layer.visible
    ResultLayers(viewer, source, "first").show("fused", IMAGE)
    fused = viewer.layers["green fused"]
    assert not layer.visible
    assert (fused.colormap.name, fused.blending) == ("green", "additive")
    assert tuple(fused.contrast_limits) == tuple(layer.contrast_limits)


def test_the_fused_image_alone_has_the_metadata_of_the_photos(viewer, movie):
    photo = PhotoMetadata({271: "MAKER"}, kept=("Make",), dropped=("MakerNote",))
    movie[0].layers[0].metadata["focusstack"] = {"photo": photo}
    layers = ResultLayers(viewer, movie[0], "first")
    for kind in ("fused", "depth"):
        layers.show(kind, IMAGE)

    layers.write_record(MADE, "fused", "depth")

    assert layers.image("fused").metadata["focusstack"]["photo"] is photo
    assert record(layers)["photo"] == {"kept": ["Make"], "dropped": ["MakerNote"]}
    assert "photo" not in layers.image("depth").metadata["focusstack"]
    assert "photo" not in record(layers, "depth")
