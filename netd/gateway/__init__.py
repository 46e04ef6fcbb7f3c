"""The gateway: one HTTP port for all that netd can do, and the dashboard that shows it (gateway protocol)."""

__all__: list[str] = []
