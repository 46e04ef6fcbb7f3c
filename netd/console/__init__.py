"""What every console (control socket, manhole, gateway) shares: calling operations, and JSON-RPC 2.0."""

__all__: list[str] = []
