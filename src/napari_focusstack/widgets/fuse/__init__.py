"""The dock that fuses."""
