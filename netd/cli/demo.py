"""``netd demo``: programs of every kind that talk to a running netd, for a first look."""

from __future__ import annotations

import random
import sys
import threading
from typing import TYPE_CHECKING

import click

from netd.cli.invocation import Invocation, NetdCommand
from netd.paths import CONTROL_SOCKET

if TYPE_CHECKING:
    from netd.client.control import Control

__all__ = ["demo"]


@click.command(cls=NetdCommand, common=("state",), short_help="Play all kinds of programs to a running netd.")
@click.pass_obj
def demo(invocation: Invocation) -> None:
    """Play to the running netd: a device, an agent, feeds, commands and bots, one line each. Ctrl-C ends it."""
    from netd.cli.cast import cast  # noqa: PLC0415 - all clients at once: only this command needs them
    from netd.cli.stage import Play, shown  # noqa: PLC0415

    with invocation.control(is_local=True) as control:
        status = control.call("system.status")

    def open_control() -> Control:
        from netd.client.control import Control  # noqa: PLC0415

        return Control(invocation.state / CONTROL_SOCKET, invocation.patience())

    actors = cast(status, open_control, random.random)
    over = threading.Event()
    with shown([actor.name for actor in actors], sys.stdout.isatty(), over) as board:
        play = Play(actors, board)
        play.start()
        try:
            over.wait()
        except KeyboardInterrupt:
            pass
        finally:
            play.end()
    click.echo("netd: the demo has ended", err=True)
