"""The control socket: operations as JSON-RPC 2.0, one message a line, on a unix socket that only the daemon's user can open."""

__all__: list[str] = []
