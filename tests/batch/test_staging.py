"""The folder in which a batch works: its own while it lives, swept when it is dead."""

import pytest

from napari_focusstack.batch.staging import LOCK, STAGING, staging_in
from napari_focusstack.errors import InputError


def test_it_is_hidden_and_gone_at_the_end_with_all_that_is_in_it(tmp_path):
    with staging_in(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".")
        (folder / "half.tif").touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("locked", [True, False])
def test_what_a_dead_batch_left_is_swept(tmp_path, locked):
    left = tmp_path / STAGING.replace("*", "0f")
    (left / "attempt").mkdir(parents=True)
    if locked:  # by a process that is no more
        (left / LOCK).touch()

    with staging_in(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_second_batch_is_refused_and_leaves_the_first_alone(tmp_path):
    with staging_in(tmp_path) as first:
        (first / "half.tif").touch()
        with (
            pytest.raises(
                InputError, match=rf"another batch .* \(if there is none, delete {first.name}"
            ),
            staging_in(tmp_path),
        ):
            pytest.fail("two at work")
        assert list(tmp_path.iterdir()) == [first]
        assert (first / "half.tif").exists()
