"""Estimate the point spread function: from boundaries, from surfaces in focus, by KEB."""
