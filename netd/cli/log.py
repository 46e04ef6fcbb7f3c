"""``netd log``: how much the running daemon logs about each section."""

from __future__ import annotations

import click

from netd.cli.invocation import Invocation, NetdCommand

__all__ = ["log"]


@click.command(cls=NetdCommand)
@click.argument("section", required=False)
@click.argument("level", required=False)
@click.pass_obj
def log(invocation: Invocation, section: str | None, level: str | None) -> None:
    """Show the log level of each section, or choose it.

    The levels are debug, info, warn, error and critical. `netd log relay debug` tells each connection of [relay], and holds no
    line back. The level counts until netd ends; `netd log relay auto` goes back to the configuration. The section `netd` is for
    lines about no section.
    """
    given = {name: value for name, value in (("section", section), ("level", level)) if value is not None}
    with invocation.control() as control:
        result = control.call("system.log", **given)
    if invocation.as_json:
        invocation.print_json(result)
        return
    shown = [name for name in result["levels"] if section in (None, name)]
    rows = [((name, result["levels"][name], "chosen" if name in result["chosen"] else ""), ()) for name in shown]
    invocation.show_grid(("section", "log level", "until netd ends"), rows)
