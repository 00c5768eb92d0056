"""Which plane shows each pixel best, and the picture of source pixels made by it."""
