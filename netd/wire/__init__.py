"""Codecs without I/O, and the few shells (outbox, peer, turn, sockets) that every protocol of netd shares."""

__all__: list[str] = []
