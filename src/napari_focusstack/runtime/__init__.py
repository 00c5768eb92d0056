"""How work runs: regions, tiles, threads, memory, progress; without optics."""
