"""Tests of the programs behind ``netd learn`` and ``netd wire test``."""
