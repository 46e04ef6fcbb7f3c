"""``netd alert``: the alerts of the daemon, each of which is a section of its own."""

from __future__ import annotations

from typing import Any

import click

from netd.cli.generated import instances_of
from netd.cli.invocation import Invocation, NetdCommand
from netd.cli.node import call_each
from netd.codec.words import Words, span

__all__ = ["alert"]

STYLES = {"firing": "bold red", "unacknowledged": "red", "acknowledged": "yellow", "pending": "yellow"}


@click.group(short_help="List, acknowledge and test alerts.")
def alert() -> None:
    """List, acknowledge and test alerts."""


@alert.command("list", cls=NetdCommand)
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """Show the state of each alert, on each subject where it is not quiet."""
    names = instances_of(invocation, "alert")
    with invocation.control() as control:
        told = [call_each(control, "alert.list", name) for name in names]
    found = [one for one in told if one is not None]
    if invocation.as_json:
        invocation.print_json(found)
        return
    words = Words(invocation.surroundings.wall_clock())
    rows = [row for one in found for row in _rows(one, words)]
    invocation.show_table(("alert", "state", "subject", "value", "since", "when"), rows)


def _rows(found: dict[str, Any], words: Words) -> list[list[str | tuple[str, str]]]:
    """A row for each subject of an alert; one row if it is quiet on all."""
    if not found["subjects"]:
        return [[found["alert"], found["state"], "", "", "", found["when"]]]
    rows: list[list[str | tuple[str, str]]] = []
    for one in found["subjects"]:
        since = "" if one["since"] is None else words.moment(one["since"])
        state = f"{one['state']} by {one['by']}" if one["by"] else one["state"]
        value = words.value(one["value"])
        rows.append([found["alert"], (state, STYLES.get(one["state"], "")), one["subject"], value, since, found["when"]])
    return rows


@alert.command(cls=NetdCommand)
@click.argument("name")
@click.argument("subject", default=">")
@click.pass_obj
def acknowledge(invocation: Invocation, name: str, subject: str) -> None:
    """Acknowledge the alert NAME, on all subjects or on SUBJECT."""
    with invocation.control() as control:
        found = control.call("alert.acknowledge", instance=name, subject=subject)
    if invocation.as_json:
        invocation.print_json(found)
        return
    click.echo(f"{name} is {found['state']}")


@alert.command(cls=NetdCommand)
@click.argument("name")
@click.pass_obj
def test(invocation: Invocation, name: str) -> None:
    """Carry out the actions of the alert NAME now, and tell what came of each."""
    with invocation.control() as control:
        found = control.call("alert.test", instance=name)
    if invocation.as_json:
        invocation.print_json(found)
    elif not found:
        click.echo(f"{name} has no actions: `then` of [alert:{name}] names some; its state is on the bus in any case")
    for one in [] if invocation.as_json else found:
        click.echo(f"{one['action']}: {one['outcome']}{': ' if one['error'] else ''}{one['error']} (in {span(one['seconds'])})")
    if any(one["outcome"] != "done" for one in found):
        raise SystemExit(1)
