"""The napari plugin: thin widgets over the core, the only code that knows napari and Qt."""
