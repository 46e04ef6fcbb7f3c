"""``netd status``: the services, where they listen, who may reach them, and their counters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click

from netd.cli.generated import fetch_result
from netd.cli.invocation import Invocation, NetdCommand, UnknownForm
from netd.cli.text import escaped
from netd.codec.schemas import ANYTHING, branch_of, items_of, member_of
from netd.codec.words import size
from netd.paths import CONTROL_SOCKET
from netd.plaintext import duration

__all__ = ["status"]

_PLURAL = re.compile(r"\w{2,}[^su]s")
"""A plural that becomes singular without its last letter: ``devices``, but neither ``address`` nor ``status``."""

_PLURAL_IN_IES = re.compile(r"(\w{2,})ies")
"""A plural whose singular ends in a y: ``deliveries``."""


@click.command(cls=NetdCommand)
@click.pass_obj
def status(invocation: Invocation) -> None:
    """Show what runs, where it listens, and how it does."""
    context = invocation.context()
    with invocation.control() as control:
        facts = control.call("system.status")
        schema = ANYTHING if invocation.as_json else fetch_result(control, "system.status")
    if invocation.as_json:
        invocation.print_json(facts)
        return
    if not isinstance(facts, Mapping) or not isinstance(facts.get("services"), list):
        raise UnknownForm("the status")
    up = facts.get("uptime")
    for_how_long = f", up {duration(up)}" if isinstance(up, (int, float)) else ""
    where = "" if context is None or invocation.node is not None else f" at {context.url}"
    state = _state(facts)
    click.echo(escaped(f"netd {facts.get('version')} as {facts.get('name')}{where}{for_how_long}{state}\n", keep="\n"))
    rows = [row for service in facts["services"] for row in _rows(service, items_of(member_of(schema, "services")))]
    if rows:
        services = [service for service in facts["services"] if isinstance(service, Mapping)]
        has_states = any(service.get("dialling") or service.get("work") for service in services)
        reach = "who may reach it, or the state" if has_states else "who may reach it"
        invocation.show_grid(("service", "listens on", reach), rows)
    else:
        click.echo("no services that this token may see" if context is not None else "no services")
    if any(isinstance(service, Mapping) and service.get("open") is True for service in facts["services"]):
        click.echo("\nno tokens: everyone on this machine is administrator; `netd token add NAME --role admin` makes one")
    used = _usage(facts.get("usage"))
    if used:
        click.echo(f"\n{escaped(used)}")
    stored = facts.get("stored")
    if isinstance(stored, Mapping) and stored.get("trouble"):
        click.echo("\n" + escaped(f"what a restart is to find again: {stored['trouble']}"))
    if facts.get("configuration"):
        click.echo(escaped(f"\nconfiguration: {facts['configuration']}", keep="\n"))
    if context is None and invocation.node is None:
        socket = f"unix:{(invocation.state / CONTROL_SOCKET).absolute()}"
        click.echo(escaped(f"control socket, for this user only: {socket}", keep="\n"))


def _usage(usage: object) -> str:
    """Return ``memory: 84.2 MiB; open files: 43 of 65,536``; empty for a daemon that does not tell."""
    if not isinstance(usage, Mapping):
        return ""
    memory, files, most = usage.get("memory"), usage.get("descriptors"), usage.get("most_descriptors")
    told = [f"memory: {size(memory)}"] if isinstance(memory, int) else []
    return "; ".join([*told, f"open files: {files:,} of {most:,}"] if _is_number(files) and _is_number(most) else told)


def _state(facts: Mapping[str, Any]) -> str:
    """The state of a daemon that does not serve: ``; draining: 3 connections are open, and are closed in 24 s``."""
    state, draining = facts.get("state"), facts.get("draining")
    if state in {"serving", None}:
        return ""
    if not isinstance(draining, Mapping):
        return f"; {state}"
    count, left = draining.get("connections"), draining.get("left")
    are_open = "1 connection is open" if count == 1 else f"{count} connections are open"
    return f"; {state}: {are_open}" + (f", closed in {duration(left)}" if _is_number(left) and left else "")


def _rows(service: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], list[tuple[str, str]]]]:
    """A row for each endpoint, remote and work of *service*; the activity of the service stands below the last one."""
    places = [(str(one.get("address")), str(one.get("reach")), "") for one in service.get("listening") or ()]
    places += [_dialled(one) for one in service.get("dialling") or ()]
    places += [(str(one.get("what")), str(one.get("how")), str(service.get("reason") or "")) for one in service.get("work") or ()]
    name, activity = _label(service), _activity(service, branch_of(schema, service))
    for at, (where, how, trouble) in enumerate(places or [("-", "-", "")], 1):
        below = [("", trouble)] if trouble else []
        if at >= len(places):
            below += [("", line) for line in (activity, str(service.get("trouble") or "")) if line]
        yield (name, where, how), below
        name = ""


def _dialled(remote: Mapping[str, Any]) -> tuple[str, str, str]:
    """The remote that is dialled, the state of that, and the last error."""
    where, state, again = f"dials {remote.get('remote')}", str(remote.get("state")), remote.get("next_attempt")
    up = remote.get("connected_for")
    if isinstance(up, (int, float)):
        return where, state.replace("connected", f"connected for {duration(up)}", 1), ""
    if isinstance(again, (int, float)):
        state = f"{state}, dials again in {duration(again + 1)}"
    return where, state, str(remote.get("last_failure") or "")


def _label(service: Mapping[str, Any]) -> str:
    kind, instance = service.get("kind"), service.get("instance")
    return str(kind) if instance in {"main", None} else f"{kind}:{instance}"


def _activity(service: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The numbers of a service, then its counters without zeros: ``2 connections, 1 device; so far: 5 accepted``.

    A number and a counter can have the same name: the devices that are connected, and all that ever were. A number with a unit,
    or a port, is not a count.
    """
    idle = () if service.get("connections") or service.get("listening") or service.get("dialling") else ("connections",)
    counts = ((name, fact) for name, fact in service.items() if name not in idle and "format" not in member_of(schema, name))
    has = [_count(name, fact) for name, fact in counts if _is_number(fact)]
    counters = service.get("counters")
    counted = []
    for name, count in (counters if isinstance(counters, Mapping) else {}).items():
        total = sum(count.values()) if isinstance(count, Mapping) else count
        if _is_number(total) and total:
            counted.append(_count(name, total))
    so_far = [f"so far: {', '.join(counted)}"] if counted else []
    return "; ".join([", ".join(has), *so_far] if has else so_far)


def _count(name: str, number: float) -> str:
    """``1,234 bytes in``, ``1 byte in``."""
    words = name.split("_")
    if number == 1:
        words = [_singular(word) for word in words]
    return f"{number:,} {' '.join(words)}"


def _singular(word: str) -> str:
    in_ies = _PLURAL_IN_IES.fullmatch(word)
    return f"{in_ies[1]}y" if in_ies else word[:-1] if _PLURAL.fullmatch(word) else word


def _is_number(fact: object) -> bool:
    return isinstance(fact, (int, float)) and not isinstance(fact, bool)
