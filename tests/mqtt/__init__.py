"""Tests of the client of an MQTT broker."""
