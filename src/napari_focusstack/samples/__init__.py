"""Bundled samples, drawn rather than stored."""
