"""The planes of a focal stack: in memory, on disk or in layers."""
