"""What is in focus where: alpha of a pair, depth and its edges of a stack, labels."""
