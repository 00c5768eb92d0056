"""Documents from outside are what they should be, or are refused with the reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.runtime import schemas
from napari_focusstack.runtime.schemas import (
    BatchReport,
    Record,
    WeightsNote,
    checked,
    fits,
    parse,
    read_json,
)

ITEM = {"status": "done", "seconds": 1, "message": "", "outputs": {"a.tif": 3}, "settings": "0f"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 200_000 + "]" * 200_000, "nested too deep"),
        ('{"found":' + "[" * 40 + "]" * 40 + "}", "nested too deep"),
        ("", "truncated"),
        ("{", "truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"parameters": [1]}', "Expected `object`, got `array` - at `$.parameters`"),
        ('{"weights": {"fsb": 1}}', "Expected `str`, got `int`"),
        ('{"software": "other"}', "Invalid enum value 'other'"),
        ('{"found": NaN}', "malformed"),
        (b'{"found": "\xff"}', "UTF-8"),
    ],
)
def test_a_record_that_is_none_is_refused_with_the_reason(text, why):
    with pytest.raises(InputError) as refused:
        parse(text, Record, "r.json is no record")
    assert str(refused.value).startswith("r.json is no record (")
    assert why in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_record_is_returned_as_it_is():
    record = {"software": "napari-focusstack", "parameters": {"psf": 4.5, "new": [1]}, "more": 1}
    assert checked(record, dict[str, Any], "it is odd") == record
    assert checked(record, Record, "it is odd") == record


def test_an_item_of_a_report_has_all_its_parts():
    good = {"software": "napari-focusstack", "items": {"a": {**ITEM, "source": None}}}
    assert checked(good, BatchReport, "it is odd") == good
    wrong = {"status": "lost", "outputs": {"a.tif": "3"}, "source": {"files": "x"}}
    for name, value in wrong.items():
        bad = {**good, "items": {"a": {**ITEM, "source": None, name: value}}}
        with pytest.raises(InputError, match="it is odd"):
            checked(bad, BatchReport, "it is odd")
    with pytest.raises(InputError, match="missing required field `source`"):
        checked({**good, "items": {"a": ITEM}}, BatchReport, "it is odd")


def test_a_file_is_read_only_if_it_may_be_such_a_document(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    with pytest.raises(InputError, match="does not exist"):
        read_json(path, WeightsNote, "note")
    path.write_text('{"network": "fsb", "config": {"width": 8, "down": [2, 4]}}')
    assert read_json(path, WeightsNote, "note")["config"] == {"width": 8, "down": [2, 4]}
    monkeypatch.setattr(schemas, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="too large"):
        read_json(path, WeightsNote, "note")


def test_options_of_python_and_of_numpy_have_their_types():
    assert fits(np.int64(3), int)
    assert fits(Path("w.safetensors"), str | None)
    for value, kind in ((True, int), ("3", int), (2.5, int), ([], str), (None, float), (b"", str)):
        assert not fits(value, kind)
