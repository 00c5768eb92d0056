"""Sample scenes, which are rendered and not stored as files."""
