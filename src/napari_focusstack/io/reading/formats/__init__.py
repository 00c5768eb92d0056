"""Readers of files that the package does not decode itself, one module for each kind of file."""
