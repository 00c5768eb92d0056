"""General image filters, without optics."""
