"""What is wrong with the planes of a stack."""
