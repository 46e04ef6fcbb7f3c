"""Tests of the reasoning of ``netd learn``."""
