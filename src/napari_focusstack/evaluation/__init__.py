"""Score fused images, with and without truth."""
