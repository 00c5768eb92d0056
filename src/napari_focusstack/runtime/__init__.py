"""How work runs: pieces, threads, memory, progress. Knows nothing of optics."""
