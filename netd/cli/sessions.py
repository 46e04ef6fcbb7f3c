"""``netd sessions``: the browsers that are signed in to the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from netd.cli.generated import fetch_table
from netd.cli.invocation import Invocation, NetdCommand, NotFound
from netd.cli.text import ago, escaped
from netd.plaintext import duration

__all__ = ["sessions"]


@click.group(invoke_without_command=True)
@click.pass_context
def sessions(context: click.Context) -> None:
    """List the browsers that are signed in, and sign them out."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


def _instances(invocation: Invocation) -> Iterator[str]:
    """The gateways of this node."""
    for operation in fetch_table(invocation):
        if operation.name == "gateway.sessions":
            yield from (one for one in operation.instances if "@" not in one)


@sessions.command("list", cls=NetdCommand)
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """Show whose token signed each browser in, from where, and when it was used last."""
    names = list(_instances(invocation))
    with invocation.control() as control:
        found: list[dict[str, Any]] = [one for name in names for one in control.call("gateway.sessions", instance=name)]
    now = invocation.surroundings.wall_clock()
    if invocation.as_json:
        invocation.print_json(found)
    elif found:
        rows = [_row(one, now) for one in found]
        invocation.show_table(("name", "from", "signed in", "used", "ends unused in", "pages"), rows)
    else:
        click.echo("no browser is signed in")


def _row(one: dict[str, Any], now: float) -> tuple[str, ...]:
    times = (ago(one["began"], now), ago(one["used"], now), duration(one["left"]))
    return one["name"], one["host"], *times, str(one["websockets"])


@sessions.command(cls=NetdCommand)
@click.argument("name")
@click.pass_obj
def end(invocation: Invocation, name: str) -> None:
    """Sign out all browsers that the token NAME signed in. The token stays good: `netd token remove` ends that, too."""
    names = list(_instances(invocation))
    with invocation.control() as control:
        ended = sum(control.call("gateway.sign_out", instance=one, name=name)["ended"] for one in names)
    if not ended:
        raise NotFound(f"no browser is signed in as {name!r}; `netd sessions` lists those that are")
    if invocation.as_json:
        invocation.print_json({"name": name, "ended": ended})
    else:
        click.echo(escaped(f"{ended} {'browser is' if ended == 1 else 'browsers are'} signed out that {name} had signed in"))
