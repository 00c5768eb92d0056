"""Fuse many stacks, and go on where some fail."""
