"""What is wrong with a focal stack, told from the planes alone."""
