"""The function that commands call in the measurement. The peers have the same one."""

from __future__ import annotations

from netd.command import command


@command("set_lamp")
def set_lamp(lamp: str, level: int) -> int:
    """Set one lamp. Return its new level."""
    return level
