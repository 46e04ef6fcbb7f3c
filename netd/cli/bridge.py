"""``netd bridge``: the bridges of the daemon, each of which is a section of its own."""

from __future__ import annotations

import click

from netd.cli.generated import instances_of
from netd.cli.invocation import Invocation, NetdCommand
from netd.cli.node import call_each

__all__ = ["bridge"]


@click.group(short_help="List the bridges: what goes where, and what was sent.")
def bridge() -> None:
    """List the bridges: what goes where, and what was sent."""


@bridge.command("list", cls=NetdCommand)
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """Show each bridge: what it carries where, how many messages it has sent, and why others did not arrive."""
    names = instances_of(invocation, "bridge")
    with invocation.control() as control:
        told = [call_each(control, "bridge.list", name) for name in names]
    found = [one for one in told if one is not None]
    if invocation.as_json:
        invocation.print_json(found)
        return
    rows = [
        [
            one["bridge"],
            one["state"],
            one["source"],
            ", ".join(one["to"]),
            *(str(one["counts"].get(word, 0)) for word in ("sent", "failed", "dropped")),
            one["last_failure"] or "",
        ]
        for one in found
    ]
    invocation.show_table(("bridge", "state", "from", "to", "sent", "failed", "dropped", "last failure"), rows)
