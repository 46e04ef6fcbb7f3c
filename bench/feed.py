"""Rounds of eight texts for a hundred subscribers, beside a loop of ``sendMessage`` on stock Autobahn."""

from __future__ import annotations

from scenes import Entry, Scene, Setting, loaded, netd, peer

__all__ = ["scenes"]

SUBSCRIBERS = 100
INTERVAL_MS = 20
INI = f"[feed]\nlisten = tcp:{{port}}:interface=127.0.0.1\ninterval = {INTERVAL_MS}ms\n"


def scenes(setting: Setting) -> list[Scene]:
    """One scene. Both servers make their values with Faker."""
    columns = loaded("text", 2, "p50 ms behind the first", "p99 ms behind", is_offered=True)
    load = ("-n", str(SUBSCRIBERS), *setting.times)
    entries = (
        Entry("netd", netd(setting, INI), load),
        Entry(
            "stock Autobahn on Twisted, `sendMessage` to each",
            peer("autobahn", "feed_autobahn.py", str(INTERVAL_MS / 1000)),
            load,
        ),
    )
    caption = f"**Feed**: a round of eight texts every {INTERVAL_MS} ms, {SUBSCRIBERS} subscribers"
    return [Scene("feed", "feed", "feed", caption, entries, columns, columns[1])]
