"""The dock that trains networks."""
