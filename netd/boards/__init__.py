"""Boards: pages of the dashboard that people compose, kept by netd for all of them."""
