"""Weights travel whole, know their network, and are refused if they were altered."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from napari_focusstack.errors import InputError
from napari_focusstack.networks import weights
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB

CPU = torch.device("cpu")
SHIPPED = weights.shipped_folder() / weights.REGISTRY


def small(network):
    torch.manual_seed(0)
    return {"fsb": FSB, "keb": KEB}[network](width=8, down=(2, 4)).eval()


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder as it is shipped, with a small FSB in it."""
    digest = weights.save(small("fsb"), tmp_path / "fsb.safetensors")
    entry = {"fsb": {"file": "fsb.safetensors", "sha256": digest}}
    (tmp_path / weights.REGISTRY).write_text(json.dumps(entry))
    monkeypatch.setattr(weights, "shipped_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(("network", "channels"), [("fsb", 6), ("keb", 7)])
def test_saved_weights_build_the_same_network(tmp_path, network, channels):
    path = tmp_path / "w.safetensors"
    model = small(network)
    digest = weights.save(model, path)
    loaded, found = weights.load(network, CPU, str(path))
    assert found == digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert type(loaded) is type(model)
    assert loaded.config == model.config
    assert not loaded.training
    scene = torch.rand(1, channels, 32, 32)
    torch.testing.assert_close(loaded(scene), model(scene), atol=1e-6, rtol=0)
    assert [each.name for each in tmp_path.iterdir()] == ["w.safetensors"]


def test_shipped_weights_are_found_by_the_registry(shipped):
    network, digest = weights.load("fsb", CPU)
    assert isinstance(network, FSB)
    assert digest == json.loads((shipped / weights.REGISTRY).read_text())["fsb"]["sha256"]


def test_shipped_weights_of_which_one_bit_flipped_are_refused(shipped):
    file = shipped / "fsb.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(InputError, match="not those that were shipped"):
        weights.load("fsb", CPU)


def test_shipped_weights_that_are_not_there_are_missed(shipped):
    (shipped / "fsb.safetensors").unlink()
    with pytest.raises(InputError, match=r"fsb\.safetensors are missing; install"):
        weights.load("fsb", CPU)


def test_a_network_that_the_registry_does_not_list_is_missed(shipped):
    with pytest.raises(InputError, match="keb"):
        weights.load("keb", CPU)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fsb": {"file": "fsb.safetensors"}}'])
def test_a_damaged_registry_is_refused(shipped, text):
    (shipped / weights.REGISTRY).write_text(text)
    with pytest.raises(InputError, match=r"registry\.json"):
        weights.load("fsb", CPU)


def test_a_registry_that_is_not_there_is_missed(shipped):
    (shipped / weights.REGISTRY).unlink()
    with pytest.raises(InputError, match=r"registry\.json is missing"):
        weights.load("fsb", CPU)


def test_a_file_that_is_not_there_is_missed(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.safetensors are missing; name a file"):
        weights.load("fsb", CPU, tmp_path / "nowhere.safetensors")
    with pytest.raises(InputError, match="missing"):
        weights.load("fsb", CPU, tmp_path)


def test_weights_of_the_other_network_are_refused(keb_weights):
    with pytest.raises(InputError, match="holds weights of keb, not of fsb"):
        weights.load("fsb", CPU, keb_weights)


@pytest.mark.parametrize("keep", [0, 7, 200, -1])
def test_a_truncated_file_is_refused(tmp_path, fsb_weights, keep):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(fsb_weights.read_bytes()[:keep])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        weights.load("fsb", CPU, path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "fsb.safetensors"
    torch.save(small("fsb").state_dict(), path)
    with pytest.raises(InputError, match="not a whole safetensors file"):
        weights.load("fsb", CPU, path)


def test_foreign_safetensors_are_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="an unknown network, not of fsb"):
        weights.load("fsb", CPU, path)


OLD = {
    "a layer is missing": ({"enter.weight": torch.zeros(8, 8, 3, 3)}, {"width": 8}),
    "a layer has another shape": (
        {**small("fsb").state_dict(), "enter.bias": torch.zeros(9)},
        {"width": 8, "down": [2, 4]},
    ),
    "another width": (small("fsb").state_dict(), {"width": 16, "down": [2, 4]}),
    "a setting that is no more": (small("fsb").state_dict(), {"depth": 8}),
    "an odd number of blocks": (small("fsb").state_dict(), {"width": 8, "down": [2, 4, 8]}),
    "a config that is text": (small("fsb").state_dict(), "width 8"),
    "a config that is a list": (small("fsb").state_dict(), [8]),
    "no config": (small("fsb").state_dict(), None),
    "a width that takes all memory": (small("fsb").state_dict(), {"width": 10**9, "down": [2, 4]}),
    "blocks without number": (small("fsb").state_dict(), {"width": 8, "down": [2] * 10**6}),
    "a width below 0": (small("fsb").state_dict(), {"width": -8, "down": [2, 4]}),
    "a width that is broken": (small("fsb").state_dict(), {"width": 8.5, "down": [2, 4]}),
}


@pytest.mark.parametrize(("state", "config"), OLD.values(), ids=OLD)
def test_weights_of_an_old_or_changed_network_are_refused(tmp_path, state, config):
    path = tmp_path / "old.safetensors"
    made_for = {"network": "fsb"} | ({} if config is None else {"config": config})
    metadata = {weights.METADATA: json.dumps(made_for)}
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path, metadata)
    with pytest.raises(InputError, match=r"old\.safetensors .* fsb"):
        weights.load("fsb", CPU, path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    network = small("fsb")
    next(network.parameters()).data[0] = value
    weights.save(network, tmp_path / "nan.safetensors")
    with pytest.raises(InputError, match=r"nan\.safetensors holds NaN or infinite weights"):
        weights.load("fsb", CPU, tmp_path / "nan.safetensors")


def test_every_shipped_file_is_listed_whole_and_loads():
    registry = json.loads(SHIPPED.read_text())
    assert set(registry) == {"fsb", "keb", "deb", "deb_pairs", "meb", "seb", "teb"}
    for name, entry in registry.items():
        network, _, variant = name.partition("_")
        file = SHIPPED.parent / entry["file"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"]
        loaded, digest = weights.load(network, CPU, variant=variant)
        assert digest == entry["sha256"]
        assert isinstance(loaded, weights.NETWORKS[network])
        assert all(torch.isfinite(p).all() for p in loaded.parameters())
    files = {entry["file"] for entry in registry.values()}
    assert {path.name for path in SHIPPED.parent.glob("*.safetensors")} == files
