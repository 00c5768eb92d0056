"""The sample pair: a specimen with legs and bristles in front of a textured background."""

from __future__ import annotations

import numpy as np

from napari_focusstack.samples.specimen import sample_layers


def sample_pair(
    size: tuple[int, int] = (384, 512), sigma_px: float = 4.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Render the sample layers as a pair by Eqs. 3 and 4.

    Parameters
    ----------
    size : tuple of int
        Height and width, px.
    sigma_px : float
        Sigma of both blurs, px.

    Returns
    -------
    near, far, truth : ndarray of uint8, (Y, X, 3)
        The two planes and the all-in-focus ground truth, sRGB.

    Examples
    --------
    >>> near, far, truth = sample_pair((96, 128))
    >>> near.shape, near.dtype
    ((96, 128, 3), dtype('uint8'))
    """
    import torch

    from napari_focusstack.imaging.image_formation import composite_defocused, far_focus, near_focus
    from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear

    foreground, alpha, background = sample_layers(size)
    f, b = (
        srgb_to_linear(torch.from_numpy(layer).permute(2, 0, 1))
        for layer in (foreground, background)
    )
    a = torch.from_numpy(alpha)[None]
    images = (
        near_focus(f, a, b, sigma_px),
        far_focus(f, a, b, sigma_px),
        composite_defocused(f, a, b, 0.0),
    )
    near, far, truth = (
        (linear_to_srgb(light).permute(1, 2, 0) * 255).round().byte().numpy() for light in images
    )
    return near, far, truth
