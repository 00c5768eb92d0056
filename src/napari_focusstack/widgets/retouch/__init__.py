"""Retouch: choosing by eye and brush which plane shows a pixel."""
