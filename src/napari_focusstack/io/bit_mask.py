"""A mask as bytes, without loss: one bit for each pixel, compressed."""

from __future__ import annotations

import numpy as np


def mask_to_bytes(mask: np.ndarray) -> bytes:
    """Return a mask (bool, any shape) as bytes.

    Examples
    --------
    >>> mask = np.eye(5, dtype=bool)
    >>> bool((mask_from_bytes(mask_to_bytes(mask), (5, 5)) == mask).all())
    True
    """
    from imagecodecs import zstd_encode

    return bytes(zstd_encode(np.packbits(mask).tobytes()))


def mask_from_bytes(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Return the mask of a shape from its bytes; ValueError if it is of another size."""
    from imagecodecs import zstd_decode

    count = int(np.prod(shape))
    packed = np.frombuffer(zstd_decode(data), np.uint8)
    if len(packed) != -(-count // 8):
        raise ValueError(f"the mask is not of the shape {shape}")
    return np.unpackbits(packed, count=count).astype(bool).reshape(shape)
