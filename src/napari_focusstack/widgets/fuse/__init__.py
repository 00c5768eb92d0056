"""The *Fuse focal stack* dock."""
