"""The ``netd`` command: its own commands, and behind them whatever the running daemon offers."""

from __future__ import annotations

import io
import sys

import click

from netd import __version__
from netd.cli.agent import agent
from netd.cli.bot import bot
from netd.cli.call import call
from netd.cli.control import drain, operations, stop
from netd.cli.demo import demo
from netd.cli.device import device
from netd.cli.devices import devices
from netd.cli.feed import feed
from netd.cli.generated import fetch_table, service_group
from netd.cli.invocation import Failure, Invocation, common_options
from netd.cli.passwd import passwd
from netd.cli.send import send
from netd.cli.status import status
from netd.cli.table import services
from netd.cli.twistd import check, config, run

__all__ = ["main", "netd"]

HELP_TIMEOUT = 0.5
"""Seconds that the running daemon gets to be listed in ``netd --help``."""


class NetdGroup(click.Group):
    """Netd's own commands; any other name is looked up in the running daemon."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or not cmd_name.isprintable() or cmd_name.startswith("-"):
            return own
        return service_group(ctx.ensure_object(Invocation), cmd_name, list(self.commands))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the services of the running daemon, if there is one."""
        super().format_epilog(ctx, formatter)
        try:
            offered = services(fetch_table(ctx.ensure_object(Invocation), HELP_TIMEOUT))
        except Failure:
            return
        with formatter.section("Services of the running daemon (netd SERVICE --help)"):
            formatter.write_dl([(name, ", ".join(one.verb for one in verbs)) for name, verbs in offered.items()])


@click.group(
    cls=NetdGroup,
    params=list(common_options().values()),
    epilog="Any operation of the running daemon is a command, too: netd SERVICE VERB.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="netd")
def netd() -> None:
    """Talk to netd: see what runs, reach devices, start and stop the daemon.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such device or operation, 124 not in time.
    """


for command in (status, devices, send, device, feed, agent, bot, demo, call, operations, drain, stop, run, check, config, passwd):
    netd.add_command(command)


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a device's name must not end us on a terminal without Unicode
    netd(prog_name="netd", obj=Invocation())
