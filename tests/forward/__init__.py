"""Tests of what is sent on."""
