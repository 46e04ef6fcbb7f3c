"""Bridges: what the bus carries goes on to a device, a command or a subject of one's own."""
