"""Tests of the telemetry sessions."""
