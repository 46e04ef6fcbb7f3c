"""The control socket: the table of operations as JSON-RPC 2.0, a line each, on a unix socket of the daemon's own user."""

__all__: list[str] = []
