"""Files in and out: focal stacks, results with their record, and the demo scene."""
