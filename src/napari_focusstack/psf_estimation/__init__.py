"""Estimate the PSF: along boundaries (reblur residual, KEB), and on flat surfaces of a stack."""
