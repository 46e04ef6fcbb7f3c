"""Tests of the gateway's part of Graphite's API."""
