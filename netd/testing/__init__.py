"""The public test kit: tests of a kind of service without a network and without waiting. See ``docs/extending.md``.

netd's own tests stand on it.
"""

from __future__ import annotations

from netd.testing.connections import Connection, FakeRemote, connect
from netd.testing.kinds import ServiceKindTests, configured, prepared, reload, result_of, wired
from netd.testing.recording import RecordingBus, RecordingLink, RecordingPeer, WallClock, make_caller
from netd.testing.state import MemoryDisk, MemoryState, run_now

__all__ = [
    "Connection",
    "FakeRemote",
    "MemoryDisk",
    "MemoryState",
    "RecordingBus",
    "RecordingLink",
    "RecordingPeer",
    "ServiceKindTests",
    "WallClock",
    "configured",
    "connect",
    "make_caller",
    "prepared",
    "reload",
    "result_of",
    "run_now",
    "wired",
]
