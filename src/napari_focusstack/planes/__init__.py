"""The planes of a focal stack: checked, in memory or on disk, or in layers."""
