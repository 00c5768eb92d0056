"""Depth and image as a textured surface."""
