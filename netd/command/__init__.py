"""Command: programs run the user's own functions by name, one JSON object a line (command protocol).

Whoever writes such functions needs one name of it, and gets nothing else imported::

    from netd.command import command

    @command("set_frequency")
    def set_frequency(channel: int, hertz: float) -> None:
        \"\"\"Set the frequency of one channel.\"\"\"
"""

from __future__ import annotations

from netd.command.declaration import command

__all__ = ["command"]
