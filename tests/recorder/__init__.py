"""Tests of ``netd.recorder``."""
