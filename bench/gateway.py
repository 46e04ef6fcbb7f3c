"""Events for subscribers over WebSocket, and thousands of idle ones, beside the servers that people would send them with."""

from __future__ import annotations

from scenes import Column, Entry, Scene, Setting, loaded, netd, peer

__all__ = ["scenes"]

SUBSCRIBERS, MESSAGES = 100, 50_000
"""The number of subscribers, and the messages a second that are sent to all of them together."""
FRAME = 208
"""Bytes of an event's WebSocket frame as netd sends it. The peers send messages of the same length."""
INI = """\
[session]
listen = tcp:{spare}:interface=127.0.0.1
agents = 127.0.0.0/8
accept_unsolicited = yes

[gateway]
listen = tcp:{port}:interface=127.0.0.1
"""
FRAME_COLUMN = Column("bytes a frame", "frame_bytes", digits=0)
IDLE_COLUMNS = (
    Column("resident MB before", "resident_kb_before", 1 / 1024),
    Column("with all", "resident_kb_after", 1 / 1024),
    Column("KB each", "kb_each", digits=2),
    Column("s until all are open", "open_s"),
    Column("s until an event has reached all", "reach_s", digits=2),
)


def scenes(setting: Setting) -> list[Scene]:
    """Many events a turn, one a turn, and the idle connections."""
    return [_stream(setting, 20), _stream(setting, 1), _idle(setting)]


def _stream(setting: Setting, events: int) -> Scene:
    interval = 1000 * events * SUBSCRIBERS // MESSAGES
    load = ("-n", str(SUBSCRIBERS), "-e", str(events), "-i", str(interval), *setting.times)
    columns = (*loaded("message", 2, "p50 ms", "p99 ms", is_offered=True), FRAME_COLUMN)
    once = "1 event at a time" if events == 1 else f"{events} events at a time"
    caption = f"**Gateway, {once}**: samples of an agent, every {interval} ms, {SUBSCRIBERS} subscribers over WebSocket"
    return Scene(f"gateway, {events}", "gateway", "gateway", caption, _entries(setting, load), columns, columns[1])


def _idle(setting: Setting) -> Scene:
    caption = f"**Gateway, {setting.idle_devices:,} idle subscribers** over WebSocket"
    entries = _entries(setting, ("-n", str(setting.idle_devices)))
    return Scene("gateway, idle", "gateway", "gateway", caption, entries, IDLE_COLUMNS, IDLE_COLUMNS[2])


def _entries(setting: Setting, load: tuple[str, ...]) -> tuple[Entry, ...]:
    load = ("-l", "{spare}", "-b", str(FRAME), *load)
    return (
        Entry("netd", netd(setting, INI), ("netd", *load)),
        Entry("`websockets`, `broadcast()`", peer("websockets", "gateway_websockets.py"), ("plain", *load)),
        Entry("stock Autobahn on Twisted, `sendMessage` to each", peer("autobahn", "gateway_autobahn.py"), ("plain", *load)),
        Entry("nats-server", peer("nats", "gateway_nats.py", "{spare}"), ("nats", *load)),
    )
