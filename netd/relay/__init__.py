"""Relay: controllers reach devices by address or name, over frames with 64-byte length headers."""

__all__: list[str] = []
