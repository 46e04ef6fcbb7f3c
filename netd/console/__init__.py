"""The part that all consoles (control socket, manhole, gateway) share: calls of operations, subscriptions, and JSON-RPC 2.0."""

__all__: list[str] = []
