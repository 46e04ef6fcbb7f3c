"""The ``netd`` command: its own commands, and behind them whatever the running daemon offers."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from types import MappingProxyType

import click
from click.shell_completion import CompletionItem

from netd import __version__
from netd.cli.agent import agent
from netd.cli.bot import bot
from netd.cli.call import call
from netd.cli.completion import completion
from netd.cli.context import context
from netd.cli.control import drain, operations, stop
from netd.cli.demo import demo
from netd.cli.device import device
from netd.cli.devices import devices
from netd.cli.feed import feed
from netd.cli.generated import HELP_TIMEOUT, ServiceGroup, fetch_table, service_group
from netd.cli.invocation import Invocation, common_options
from netd.cli.passwd import passwd
from netd.cli.reports import reports
from netd.cli.send import send
from netd.cli.status import status
from netd.cli.table import commands
from netd.cli.tail import tail
from netd.cli.token import token
from netd.cli.top import top
from netd.cli.twistd import check, config, run

__all__ = ["main", "netd"]

_WORDS = "netd.cli.main.words"
"""Where a context keeps the words that follow the name which is looked up."""


class NetdGroup(click.Group):
    """Netd's own commands; any other name is looked up in the running daemon."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        ctx.meta[_WORDS] = args[1:]
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or not cmd_name.isprintable() or cmd_name.startswith("-"):
            return own
        if ctx.resilient_parsing:
            return _completed_group(ctx, cmd_name)
        return service_group(ctx.ensure_object(Invocation), cmd_name, list(self.commands), ctx.meta.get(_WORDS, ()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Netd's own commands, and the services of the running daemon."""
        own = super().shell_complete(ctx, incomplete)
        try:
            offered = commands(fetch_table(ctx.ensure_object(Invocation), HELP_TIMEOUT))
        except click.ClickException:
            return own
        beside = [name for name in offered if name.startswith(incomplete) and name not in self.commands and name.isprintable()]
        return own + [CompletionItem(name, help=f"Operations of the service {name}.") for name in beside]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List netd's own commands, section by section."""
        room = formatter.width - 6 - max(map(len, self.commands))
        for title, members in SECTIONS.items():
            with formatter.section(title):
                width = max(map(len, self.commands))
                formatter.write_dl([(f"{one.name:{width}}", one.get_short_help_str(room)) for one in members])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the services of the running daemon, if there is one."""
        super().format_epilog(ctx, formatter)
        try:
            offered = commands(fetch_table(ctx.ensure_object(Invocation), HELP_TIMEOUT))
        except click.ClickException:
            return
        with formatter.section("Services of the running daemon (netd SERVICE --help)"):
            formatter.write_dl([(name, ", ".join(one.verb for one in verbs)) for name, verbs in offered.items()])


def _completed_group(ctx: click.Context, service: str) -> click.Command:
    """The operations of *service*, for a shell that completes a line; none, and no word, where the daemon cannot be asked."""
    try:
        return service_group(ctx.ensure_object(Invocation), service, (), ctx.meta.get(_WORDS, ()), HELP_TIMEOUT)
    except click.ClickException:
        return ServiceGroup(service, ())


@click.group(
    cls=NetdGroup,
    params=list(common_options().values()),
    epilog="Any operation of the running daemon is a command, too: netd SERVICE VERB.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="netd")
def netd() -> None:
    """Talk to netd: see what runs, reach devices, start and stop the daemon.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such device or operation, 124 not in time.
    """


SECTIONS: Mapping[str, tuple[click.Command, ...]] = MappingProxyType(
    {
        "Look": (status, top, tail, devices, reports, operations),
        "Act": (send, call, drain, stop),
        "Be a program that netd serves": (device, agent, feed, bot, demo),
        "Run the daemon": (run, check, config),
        "Set up": (token, passwd, context, completion),
    }
)
"""Netd's own commands, as ``netd --help`` lists them."""

for command in (one for section in SECTIONS.values() for one in section):
    netd.add_command(command)


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a device's name must not end us on a terminal without Unicode
    netd(prog_name="netd", obj=Invocation())
