"""The two networks of the paper (Fig. 3), their weights and how they run."""
