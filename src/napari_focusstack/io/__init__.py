"""Reading and writing of files: focal stacks, and results with their record."""
