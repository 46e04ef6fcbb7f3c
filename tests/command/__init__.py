"""Tests of the command service."""
