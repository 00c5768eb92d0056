"""Remove the light of the blurred foreground from the background around it."""
