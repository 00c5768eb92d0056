"""Planes of a fusion are moved to lie on each other, or left as they are."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.registration.align import align
from napari_focusstack.runtime.progress import run


@pytest.mark.parametrize("count", [2, 7])
def test_planes_that_do_not_belong_are_not_fused_unless_nobody_looks(stack, count):
    planes = stack([np.eye(3)] * count)
    planes[-1] = stack([np.eye(3)], seed=9)[0]
    with pytest.raises(InputError, match=r"does not match the others|show different things"):
        run(align(list(planes), FuseParameters()))

    left, found = run(align(list(planes), FuseParameters(register="off")))

    assert found is None
    assert all(one is other for one, other in zip(left, planes, strict=True))
