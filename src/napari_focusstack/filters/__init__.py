"""Image filters that know nothing of optics."""
