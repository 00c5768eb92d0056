"""The image over its depth as a surface."""
