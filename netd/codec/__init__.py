"""Codecs: bytes to events and back, without any I/O. Clients and the command line use them, too."""

__all__: list[str] = []
