"""What the doctor finds out from the status of the daemon: queues, losses, connections, remotes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netd.doctor.findings import Diagnosis, ok, problem, warning
from netd.status import section_of

__all__ = ["examine_daemon", "examine_services", "lost_in"]

NEARLY_ALL = 0.9

FEW_CONNECTIONS = 500
"""A limit of open files that leaves fewer connections is that of a login shell, and not of a server."""

MOST_NAMED = 10
"""Names of devices that are told one by one."""

FEW_MISFITS = 10
"""Messages without a rule, and questions without an answer, that may be those of a start or of a bad moment."""

MOST_LAG = 0.25
"""Seconds of delay of the event loop that people notice."""


def examine_daemon(status: Mapping[str, Any], lag: float) -> Iterator[Diagnosis]:
    """Yield what ``system.status`` tells of the daemon as a whole.

    :param lag: the longest delay of the event loop within the last minutes, in seconds.
    """
    room, stored = status["capacity"], status["stored"]
    if status["state"] == "serving":
        yield ok("daemon", f"netd {status['version']} serves as {status['name']}")
    else:
        yield warning("daemon", f"netd is {status['state']}: it takes no new connections", "`netd resume`, unless that is meant")
    if stored["trouble"]:
        yield problem("state", stored["trouble"], "until then, a restart forgets what happened meanwhile")
    taken, limit = room["connections"], room["limit"]
    remedy = "raise LimitNOFILE= of the unit, or `ulimit -Hn`"
    if taken > NEARLY_ALL * limit:
        yield warning("descriptors", f"{taken} connections are open, of {limit} that there may be", remedy)
    elif limit < FEW_CONNECTIONS:
        yield warning("descriptors", f"there may be {limit} connections at most: the limit of open files is low", remedy)
    else:
        yield ok("descriptors", f"{taken} connections are open, of {limit} that there may be")
    if room["waiting"] > NEARLY_ALL * room["memory"]:
        text = f"{room['waiting'] >> 20} MiB wait for clients that do not read, of {room['memory'] >> 20} that may"
        yield warning("memory", text, "`netd top` shows which section; raise `memory` in [netd] if the machine has more")
    if lag > MOST_LAG:
        remedy = "commands without `blocking=True` hold up everything, and so does a machine with too much to do: see `netd top`"
        yield warning("event loop", f"everything was late by up to {lag:.2f} s within the last ten minutes", remedy)
    else:
        yield ok("event loop", f"the longest delay within the last ten minutes was {1000 * lag:.0f} ms")


def examine_services(services: list[Mapping[str, Any]]) -> Iterator[Diagnosis]:
    """Yield what the services tell of themselves."""
    for service in services:
        kind, section = service["kind"], section_of(service)
        found = [*_of_remotes(section, service), *_BY_KIND.get(kind, lambda _section, _service: ())(section, service)]
        yield from found or [ok("service", f"[{section}] is well", section)]


def _of_remotes(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    for remote in service.get("dialling", ()):
        if remote["connected_for"] is None and remote["failures"]:
            text = f"[{section}] does not reach {remote['remote']}: {remote['last_failure'] or 'no answer'}"
            yield warning("remote", text, "see to the program there; netd dials again by itself", section)


def _of_recorder(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    if service["state"] != "recording":
        text = f"[{section}] is {service['state']}: {service['reason']}"
        yield problem("recorder", text, "nothing has to be done afterwards: it goes on by itself", section)
    for name, why in service["damaged"].items():
        remedy = "`sqlite3 FILE .recover` may get something of it; or take that day from a backup"
        yield warning("recorder", f"[{section}] cannot read {name}: {why}", remedy, section)


def _of_command(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    if service["trouble"]:
        text = f"[{section}] goes on with the functions of before: {service['trouble']}"
        yield warning("commands", text, "mend the file; it is read again by itself", section)
    threads = service["threads"]
    if threads["waiting"]:
        text = f"[{section}]: {threads['waiting']} calls wait, because all {threads['size']} threads are busy"
        yield warning("commands", text, "raise `threads`, or find the function that does not return", section)


def _of_alert(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    counted = service["counters"]["deliveries"]
    if service["last_failure"] and counted.get("failed", 0):
        text = f"[{section}] could not tell anybody, {counted['failed']} times: {service['last_failure']}"
        yield problem("alert", text, f"`netd alert test --instance {service['instance']}` tries it", section)


def _of_bridge(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    counters = service["counters"]
    lost = counters["messages"].get("failed", 0) + counters["messages"].get("dropped", 0)
    if counters["pauses"]:
        text = f"[{section}] had too much to send, {counters['pauses']} times: {service['last_failure']}"
        yield problem("bridge", text, "`netd tail` shows whether its messages come back; `every` bounds them", section)
    elif lost:
        text = f"[{section}] could not send {lost} messages: {service['last_failure']}"
        yield warning("bridge", text, f"`netd tail bridge.{service['instance']}.failed` shows each", section)


def _of_cluster(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    if service["trouble"] or not service["server"]:
        text = f"[{section}]: {service['trouble'] or 'there is no NATS server yet'}"
        yield problem("cluster", text, "`netd cluster check SERVER` says what is wrong with the way to it", section)
    away = {state: count for state, count in service["nodes"].items() if state in ("unreachable", "gone", "incompatible")}
    if away:
        text = f"[{section}]: {', '.join(f'{count} {state}' for state, count in away.items())}"
        yield warning("cluster", text, "`netd nodes` names them, with the reason", section)
    if names := service["doubles"]:
        some = ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
        remedy = "send to NAME@NODE; a credential of that name on every node keeps others from it (docs/securing-nats.md)"
        yield warning("cluster", f"[{section}]: another node has a device of the same name, too: {some}", remedy, section)


def _of_forward(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    if service["state"] in ("waiting", "refused"):
        text = f"[{section}] sends nothing on: {service['reason']}"
        yield problem("forward", text, "what is recorded meanwhile is sent afterwards, as long as the recorder keeps it", section)
    elif service["state"] == "behind":
        text = f"[{section}] is {service['lag']:.0f} s behind"
        yield warning("forward", text, "narrow `subjects`, or see why the server is slow", section)
    if service["counters"]["lines"]["skipped"]:
        text = f"[{section}]: the server did not take {service['counters']['lines']['skipped']} lines: {service['last_skipped']}"
        yield warning("forward", text, "a name that has numbers of another type there is the usual reason", section)


def _of_wire(section: str, service: Mapping[str, Any]) -> Iterator[Diagnosis]:
    notes, instance = service["counters"]["notes"], service["instance"]
    if notes.get("unmatched", 0) >= FEW_MISFITS:
        text = f"[{section}]: no rule takes {notes['unmatched']} messages so far"
        yield warning("wire", text, f"`netd wire misfits --instance {instance}` shows the newest", section)
    if notes.get("unanswered", 0) >= FEW_MISFITS:
        text = f"[{section}]: {notes['unanswered']} questions have had no answer so far"
        yield warning("wire", text, f"`netd wire questions --instance {instance}` shows which", section)


_BY_KIND = {
    "wire": _of_wire,
    "forward": _of_forward,
    "recorder": _of_recorder,
    "command": _of_command,
    "alert": _of_alert,
    "bridge": _of_bridge,
    "cluster": _of_cluster,
}


def lost_in(services: list[Mapping[str, Any]]) -> dict[str, int]:
    """Return, for each section, the number of messages that were lost on the way to it or to its clients so far."""
    lost = {}
    for service in services:
        counted = service.get("counters", {})
        section = section_of(service)
        lost[section] = sum(counted.get("dropped", {}).values()) + (counted.get("lost", 0) if section == "cluster" else 0)
    return lost
