"""The whole fusion: its steps in order, its result, and painting on it."""
