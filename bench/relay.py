"""The relay, under load and with thousands of idle devices, beside the relays that people write by hand."""

from __future__ import annotations

from scenes import Column, Entry, Scene, Setting, loaded, netd, peer

__all__ = ["scenes"]

DEVICES, CONTROLLERS, PAYLOAD = 10, 50, 100
WINDOWS = (1, 16)
"""Numbers of outstanding requests that are measured."""
INI = "[relay]\nlisten = tcp:{port}:interface=127.0.0.1\n"
IDLE_COLUMNS = (
    Column("resident MB before", "resident_kb_before", 1 / 1024),
    Column("with all", "resident_kb_after", 1 / 1024),
    Column("KB a device", "kb_per_device", digits=2),
)


def scenes(setting: Setting) -> list[Scene]:
    """One scene for each window, and the idle devices."""
    return [*(_crowd(setting, window) for window in WINDOWS), _idle(setting)]


def _crowd(setting: Setting, window: int) -> Scene:
    load = ("crowd", "-w", str(window), "-d", str(DEVICES), "-c", str(CONTROLLERS), "-b", str(PAYLOAD), *setting.times)
    columns = loaded("request", 1, "p50 ms", "p99 ms")
    outstanding = "1 request" if window == 1 else f"{window} requests"
    crowd = f"{CONTROLLERS} controllers, {DEVICES} devices, payload {PAYLOAD} bytes"
    entries = (
        Entry("netd", netd(setting, INI), load),
        Entry("threads, blocking `recv`", peer("threads", "relay_threads.py"), load),
        Entry("asyncio streams", peer("asyncio", "relay_asyncio.py"), load),
        Entry("plain Twisted, `StatefulProtocol`", peer("twisted", "relay_twisted.py"), load),
    )
    caption = f"**Relay, {outstanding} outstanding**: {crowd}"
    return Scene(f"relay, window {window}", "relay", "relay", caption, entries, columns, columns[1])


def _idle(setting: Setting) -> Scene:
    """Return the scene of idle devices. The bare protocol shows the least memory that a connection takes on Twisted."""
    load = ("idle", "-d", str(setting.idle_devices))
    entries = (
        Entry("netd", netd(setting, INI), load),
        Entry("asyncio streams", peer("asyncio", "relay_asyncio.py"), load),
        Entry("bare Twisted `Protocol`", peer("twisted", "idle_twisted.py"), load),
    )
    caption = f"**Relay, {setting.idle_devices:,} idle devices**"
    return Scene("relay, idle", "relay", "relay", caption, entries, IDLE_COLUMNS, IDLE_COLUMNS[2])
