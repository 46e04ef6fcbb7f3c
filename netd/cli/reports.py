"""``netd reports``: what the feed's clients have received, as they reported it."""

from __future__ import annotations

import click

from netd.cli.invocation import Invocation, NetdCommand

__all__ = ["reports"]


@click.command(cls=NetdCommand)
@click.option("--instance", help="Which feed, where several run.")
@click.pass_obj
def reports(invocation: Invocation, instance: str | None) -> None:
    """Show what the clients of the feed have received (`netd feed reports`)."""
    with invocation.control() as control:
        found = control.call("feed.reports", **({} if instance is None else {"instance": instance}))
    invocation.show(found)
