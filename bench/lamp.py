"""The function that netd runs when commands are measured; the peers have the same."""

from __future__ import annotations

from netd.command import command


@command("set_lamp")
def set_lamp(lamp: str, level: int) -> int:
    """Set one lamp; return what it is set to."""
    return level
