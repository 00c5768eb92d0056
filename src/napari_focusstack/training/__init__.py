"""Training of both networks on pairs synthesised by the imaging model."""
