"""Programs as people write them at home, served by netd unchanged."""
