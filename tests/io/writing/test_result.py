"""The form of a result: what files can hold."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


@pytest.mark.parametrize(("axes", "dtype"), [("QYX", "uint8"), ("TXY", "uint8"), ("TYX", "int64")])
def test_what_no_file_can_hold_is_refused(form_of, axes, dtype):
    with pytest.raises(InputError, match=f"{axes}|{dtype}"):
        form_of(noise(2, 30, 50, dtype=dtype), axes)
