"""Tests of the ways into the running daemon."""
