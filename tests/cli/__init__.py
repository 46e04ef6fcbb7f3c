"""Tests of the ``netd`` command."""
