"""``netd reports``: the blocks that clients of the feed have received, as they reported them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from netd.cli.invocation import Invocation, NetdCommand, UnknownForm
from netd.cli.text import online_since
from netd.codec.words import rate, span

__all__ = ["reports"]


@click.command(cls=NetdCommand, short_help="Show what the clients of the feed have received.")
@click.option("--instance", help="Feed, if several run.")
@click.pass_obj
def reports(invocation: Invocation, instance: str | None) -> None:
    """Show what the clients of the feed have received, as they report it."""
    with invocation.control() as control:
        found = control.call("feed.reports", **({} if instance is None else {"instance": instance}))
    if invocation.as_json:
        invocation.print_json(found)
        return
    if not found:
        click.echo("no reports: no client has connected to this feed yet; `netd feed --type name` is one")
        return
    now = invocation.surroundings.wall_clock()
    try:
        rows = [_row(one, now) for one in found]
    except (KeyError, TypeError, ValueError) as error:
        raise UnknownForm("the list of reports") from error
    columns = ("client", "state", "blocks", "in", "rate", "remarks")
    has_remarks = any(row[-1] for row in rows)
    invocation.show_table(columns if has_remarks else columns[:-1], rows if has_remarks else [row[:-1] for row in rows])


def _row(client: Mapping[str, Any], now: float) -> list[str | tuple[str, str]]:
    """The row of one client: its blocks, the time for them, the rate, and its newest remark."""
    remarks = client["remarks"]
    others = f" (and {len(remarks) - 1} before)" if len(remarks) > 1 else ""
    blocks = client["blocks"]
    return [
        str(client["client"]),
        online_since(client["online"], client["last_seen"], now),
        f"{blocks:,}",
        span(float(client["seconds"])) if blocks else "",
        rate(float(client["rate"])) if blocks else "",
        f"{remarks[-1]}{others}" if remarks else "",
    ]
