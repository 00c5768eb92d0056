"""Contributions of the napari plugin (napari.yaml): reader, writers, samples; without napari."""
