"""Connections: the shell that every TCP service shares, its outbox and clocks, and the bounds that all connections keep to."""

__all__: list[str] = []
