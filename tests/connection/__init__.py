"""Tests of connections, and of what bounds them."""
