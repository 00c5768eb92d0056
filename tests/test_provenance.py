"""The record of a result: complete, exact, and plain JSON."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from napari_focusstack.provenance import record


@dataclass
class Optics:
    sigma_px: float = 4.1
    labels: Path | None = None


@dataclass
class Settings:
    optics: Optics = field(default_factory=Optics)
    scales: tuple[float, ...] = (0.1, 0.2)


def test_record_says_what_made_the_result_and_when():
    made = record({"psf": "keb"}, weights={"fsb": "0f" * 32})

    assert made["software"] == "napari-focusstack"
    assert made["parameters"] == {"psf": "keb"}
    assert made["weights"] == {"fsb": "0f" * 32}
    assert made["torch"] == metadata.version("torch")
    assert made["python"] == ".".join(map(str, sys.version_info[:3]))
    assert isinstance(made["version"], str)


def test_time_is_now_in_utc():
    created = datetime.fromisoformat(record({}, weights={})["created"])

    assert created.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_nested_values_become_plain_json():
    parameters = {
        "settings": Settings(Optics(labels=Path("labels.tif"))),
        "sigma_px": np.float32(0.1),
        "near": np.bool_(True),
        "planes": np.int64(28),
        "shift_px": np.array([[1, 2], [3, 4]], np.uint16),
        1: None,
    }

    made = record(parameters, weights={})

    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["parameters"] == {
        "settings": {"optics": {"sigma_px": 4.1, "labels": "labels.tif"}, "scales": [0.1, 0.2]},
        "sigma_px": float(np.float32(0.1)),
        "near": True,
        "planes": 28,
        "shift_px": [[1, 2], [3, 4]],
        "1": None,
    }


@pytest.mark.parametrize("value", [0.1 + 0.2, np.float64(1) / 3, 1e-300, np.pi * 1e17])
def test_floats_keep_their_full_value(value):
    text = json.dumps(record({"value": value}, weights={}))

    assert json.loads(text)["parameters"]["value"] == value


def test_float_that_json_lacks_becomes_text_that_float_reads():
    made = record({"values": [np.nan, np.float32("inf"), -np.inf]}, weights={})["parameters"]

    assert made == {"values": ["nan", "inf", "-inf"]}
    assert np.isnan(float(made["values"][0]))


def test_value_that_cannot_be_repeated_is_refused():
    with pytest.raises(TypeError, match="object"):
        record({"callback": object()}, weights={})


def test_missing_package_is_recorded_as_unknown(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)

    assert record({}, weights={})["torch"] == "unknown"


def test_recording_does_not_import_torch():
    code = (
        "import sys; from napari_focusstack.provenance import record; "
        "record({}, weights={}); assert 'torch' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
