"""The *Train focus networks* dock."""
