"""The imaging model: light, point spread functions, image formation."""
