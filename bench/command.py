"""Commands in JSON, a connection for each and all on a kept one, beside the servers that people write by hand."""

from __future__ import annotations

from pathlib import Path

from scenes import Entry, Scene, Setting, loaded, netd, peer

__all__ = ["scenes"]

AT_A_TIME = 32
FUNCTIONS = Path(__file__).with_name("lamp.py")
INI = f"[command]\nlisten = tcp:{{port}}:interface=127.0.0.1\nfunctions = {FUNCTIONS}\n"


def scenes(setting: Setting) -> list[Scene]:
    """Both ways to connect."""
    return [
        _scene(setting, "once", "one connection each", INI),
        _scene(setting, "kept", "kept connections", f"{INI}persistent = yes\n"),
    ]


def _scene(setting: Setting, mode: str, how: str, ini: str) -> Scene:
    load = (mode, "-c", str(AT_A_TIME), *setting.times)
    columns = loaded("command", 1, "p50 ms", "p99 ms")
    entries = (
        Entry("netd", netd(setting, ini), load),
        Entry("a thread for each connection", peer("threads", "command_threads.py", mode), load),
        Entry("plain Twisted, `LineReceiver`", peer("twisted", "command_twisted.py", mode), load),
    )
    caption = f"**Commands, {how}**: {AT_A_TIME} at a time"
    return Scene(f"command, {mode}", "command", "command", caption, entries, columns, columns[1])
