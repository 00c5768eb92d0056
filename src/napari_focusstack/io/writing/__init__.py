"""Writing of results as TIFF, PNG, OME-TIFF or OME-Zarr, completely or not at all."""
