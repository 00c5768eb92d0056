"""What the dock knows of a stack while it is worked on, and the layers it shows."""
