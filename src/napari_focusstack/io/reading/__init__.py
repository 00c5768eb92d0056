"""Reading of files: images, stacks, calibration and records."""
