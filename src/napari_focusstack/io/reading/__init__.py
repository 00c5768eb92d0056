"""Read files: images, stacks, calibration, records."""
