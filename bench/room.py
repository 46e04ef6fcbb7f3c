"""A room of a hundred members that get ten lines at once, beside a loop of ``sendLine``; and a room with turns."""

from __future__ import annotations

from scenes import Entry, Scene, Setting, loaded, netd, peer

__all__ = ["scenes"]

MEMBERS = 100
AT_ONCE, GROUPS_A_SECOND = 10, 50
ROUNDS = 10_000
INI = f"[room]\nlisten = tcp:{{port}}:interface=127.0.0.1\nsize = {MEMBERS}\n"
OPEN = f"{INI}turns = no\n"
TURNS = f"{INI}rounds = {ROUNDS}\nstart_delay = 0s\n"


def scenes(setting: Setting) -> list[Scene]:
    """A room without turns, and one with them, which no peer has."""
    columns = loaded("message", 2, "p50 ms", "p99 ms", is_offered=True)
    load = ("open", "-m", str(MEMBERS), "-g", str(AT_ONCE), "-r", str(GROUPS_A_SECOND), *setting.times)
    entries = (
        Entry("netd, `turns = no`", netd(setting, OPEN), load),
        Entry("plain Twisted, `sendLine` to each", peer("twisted", "room_twisted.py"), load),
    )
    talk = f"{MEMBERS} members, {AT_ONCE} lines of 64 bytes at once, {GROUPS_A_SECOND} times a second"
    turns = loaded("message", 2)
    replies = ("turns", "-m", str(MEMBERS), "-g", str(ROUNDS), *setting.times)
    return [
        Scene("room, open", "room", "room", f"**Room**: {talk}", entries, columns, columns[1]),
        Scene(
            "room, turns",
            "room",
            "room",
            f"**Room with turns**: {MEMBERS} members, each of whom replies to each message",
            (Entry("netd, `turns = yes`", netd(setting, TURNS), replies),),
            turns,
            turns[1],
        ),
    ]
