"""``netd nodes``: the nodes of the cluster, as the daemon that is asked sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from netd.cli.generated import fetch_table
from netd.cli.invocation import Exit, Invocation, NetdCommand, NotFound
from netd.codec.words import Words, span

__all__ = ["join", "leave", "nodes"]

STYLES = {
    "suspect": "yellow",
    "joining": "yellow",
    "unreachable": "yellow",
    "alone": "bold red",
    "gone": "red",
    "incompatible": "red",
    "left": "dim",
}

NOTED_SKEW = 1.0
"""Difference of clocks, in seconds, from which on it stands out."""

COLUMNS = ("node", "state", "since", "nats", "devices", "sessions", "in", "out", "lost", "clock", "version")


@click.command(cls=NetdCommand)
@click.pass_obj
def nodes(invocation: Invocation) -> None:
    """List the nodes of the cluster: which are there, which are gone."""
    _show(invocation, "cluster.nodes")


@click.command(cls=NetdCommand)
@click.pass_obj
def leave(invocation: Invocation) -> None:
    """Leave the cluster: the other nodes are told, and this one goes on by itself."""
    _show(invocation, "cluster.leave")


@click.command(cls=NetdCommand)
@click.pass_obj
def join(invocation: Invocation) -> None:
    """Join the cluster again, after leave.

    The exit status is 1 if it has not joined yet: another process has its name, or NATS is away. netd goes on trying.
    """
    own, *_ = _show(invocation, "cluster.join")
    if own["state"] != "here":
        raise click.exceptions.Exit(Exit.FAILED)


def _show(invocation: Invocation, called: str) -> list[Mapping[str, Any]]:
    """Call an operation that returns nodes, and show them. Return them, the node that is asked first."""
    if not any(operation.name == called for operation in fetch_table(invocation)):
        raise NotFound("this node is in no cluster: add a section [cluster] to the configuration of netd, and restart it")
    with invocation.control() as control:
        found: list[Mapping[str, Any]] = control.call(called)
    if invocation.as_json:
        invocation.print_json(found)
        return found
    words = Words(invocation.surroundings.wall_clock())
    invocation.show_table(COLUMNS, [_row(node, words) for node in found])
    for node in found:
        if node["reason"]:
            click.echo(f"{node['name']} is {node['state']}: {node['reason']}")
    return found


def _row(node: Mapping[str, Any], words: Words) -> list[str | tuple[str, str]]:
    counted = ["" if node[name] is None else str(node[name]) for name in ("devices", "sessions", "events_in", "events_out")]
    lost = (node["lost"] or 0) + (node["dropped"] or 0)
    return [
        node["name"],
        (node["state"], STYLES.get(node["state"], "green")),
        words.moment(node["since"]),
        node["server"].partition("://")[2],
        *counted,
        (str(lost), "red" if lost else ""),
        _clock(node["skew"]),
        node["version"],
    ]


def _clock(skew: float | None) -> str | tuple[str, str]:
    """How far the clock of a node is off; empty where nobody would notice."""
    if skew is None or abs(skew) < NOTED_SKEW:
        return ""
    return f"{span(abs(skew))} {'ahead' if skew > 0 else 'behind'}", "yellow"
