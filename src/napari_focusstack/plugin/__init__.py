"""What napari.yaml names: reader, writers and samples, without importing napari."""
