"""Write results: TIFF, PNG, OME-TIFF, OME-Zarr; whole or not at all."""
