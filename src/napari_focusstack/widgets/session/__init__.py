"""The state of one stack that is fused in napari, and the layers that show it."""
