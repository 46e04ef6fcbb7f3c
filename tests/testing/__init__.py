"""Tests of ``netd.testing``."""
