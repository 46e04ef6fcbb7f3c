"""``netd wire test``: this process becomes the program that says a transcript to a section."""

from __future__ import annotations

import click

from netd.cli.invocation import Invocation, NetdCommand
from netd.cli.twistd import become

__all__ = ["wire"]


@click.group(
    short_help="Test the section of a home-made protocol.",
    epilog="Operations of the daemon, too: netd wire peers, send, ask, tell, close, rules.",
)
def wire() -> None:
    """Test sections [wire:NAME] without a running daemon."""


@wire.command(cls=NetdCommand, common=("state",))
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "-c",
    "--config",
    "configuration",
    metavar="INI",
    type=click.Path(exists=True, dir_okay=False),
    help="File with the section. [default: /etc/netd/netd.ini, else the packaged one]",
)
@click.pass_obj
def test(invocation: Invocation, name: str, file: str, configuration: str | None) -> None:
    """Say the transcript FILE to the section [wire:NAME], and show which rule takes each message and what becomes of it.

    Then everything is said again byte by byte, as a slow network would cut it. The exit status is 1 if that makes a difference,
    if no rule takes a message, or if the section answers otherwise than the program's own server did.
    """
    invocation.require_unix()
    chosen = [configuration] if configuration is not None else []
    become(invocation, str(invocation.surroundings.python), "-P", "-m", "netd.wire.tools", "test", name, file, *chosen)
