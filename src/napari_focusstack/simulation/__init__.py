"""Scenes with truth, rendered by the imaging model, for training and evaluation."""
