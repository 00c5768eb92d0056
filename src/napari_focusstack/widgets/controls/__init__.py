"""Small widgets that know nothing of fusion."""
