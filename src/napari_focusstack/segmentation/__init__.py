"""What is in focus where: alpha of a pair, depth and depth edges of a stack, labels."""
