"""Samples as fast as the server takes them, without subscribers, beside servers that read line by line."""

from __future__ import annotations

from typing import IO, Any

from loads import read_json
from scenes import BenchError, Entry, Scene, Setting, Site, loaded, netd, peer

from netd.client.control import Control, ControlError

__all__ = ["scenes"]

AGENTS = 10
INI = f"""\
[session]
listen = tcp:{{port}}:interface=127.0.0.1
agent_port = {{spare}}
sessions_per_host = {AGENTS}
"""


def scenes(setting: Setting) -> list[Scene]:
    """Return one scene: samples that end with a newline, and for netd also samples without one."""
    columns = loaded("sample", 3)
    load = ("-a", str(AGENTS), *setting.times)
    dialled, direct = ("dialled", "-l", "{spare}", *load), ("direct", *load, "-n", "1")
    server = netd(setting, INI)
    entries = (
        Entry("netd", server, (*dialled, "-n", "1"), start_sessions, check_samples),
        Entry("netd, samples without newlines", server, (*dialled, "-n", "0"), start_sessions, check_samples),
        Entry("Twisted, `LineOnlyReceiver` that counts", peer("twisted", "session_twisted.py", "count"), direct),
        Entry(
            "Twisted, `LineOnlyReceiver` that keeps each channel's newest value",
            peer("twisted", "session_twisted.py", "newest"),
            direct,
        ),
    )
    caption = f"**Sessions**: samples of 5 bytes (`x111` and a newline) from {AGENTS} agents, flat out, no subscriber"
    return [Scene("session", "session", "session", caption, entries, columns, columns[1])]


def start_sessions(site: Site, said: IO[str]) -> None:
    """Have netd dial the agents.

    :raises BenchError: if the agents do not listen.
    """
    if said.readline() != "ready\n":
        raise BenchError("the agents do not listen")
    for _ in range(AGENTS):
        _call(site, "session.start", host="127.0.0.1", wait=False)


def check_samples(site: Site, said: IO[str]) -> None:
    """Check that each sample has arrived on its channel.

    :raises BenchError: if one is missing or bad.
    """
    sent = read_json(said)["samples"]
    sessions = _call(site, "session.list")["rows"]
    channels = [channel for session in sessions for channel in session["channels"].values()]
    bad = sum(session["bad"] for session in sessions)
    counts = [channel["samples"] for channel in channels]
    took = sum(counts)
    if took != sent or bad or len(channels) != 3 * AGENTS or not all(counts):
        raise BenchError(f"{sent} samples were sent; netd took {took} on {len(channels)} channels, and {bad} were bad")


def _call(site: Site, operation: str, **arguments: Any) -> Any:
    try:
        with Control(site.directory / "control.sock") as control:
            return control.call(operation, **arguments)
    except ControlError as error:
        raise BenchError(f"{operation}: {error}") from error
