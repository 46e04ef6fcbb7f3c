"""Tests of the operations about all nodes."""
