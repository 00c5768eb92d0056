"""Bring planes to lie on each other."""
