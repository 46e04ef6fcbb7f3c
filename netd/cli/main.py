"""The ``netd`` command: its own commands, and the operations of the running daemon."""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import click
from click.shell_completion import CompletionItem

from netd import __version__
from netd.cli.generated import HELP_TIMEOUT, ServiceGroup, fetch_table, service_group
from netd.cli.invocation import Invocation, common_options
from netd.cli.table import commands

__all__ = ["SECTIONS", "Listed", "main", "netd"]


@dataclass(frozen=True)
class Listed:
    """An entry of ``netd --help``: one of netd's own commands. Its module is imported when the command is called.

    :ivar module: name of the module inside :mod:`netd.cli`; the command is the attribute of its own name.
    :ivar summary: the short help of the command, repeated here so that the list needs no import.
    """

    module: str
    summary: str

    def load(self, name: str) -> click.Command:
        """Import the command."""
        command: click.Command = getattr(importlib.import_module(f"netd.cli.{self.module}"), name)
        return command


SECTIONS: Mapping[str, Mapping[str, Listed]] = MappingProxyType(
    {
        "Look": {
            "status": Listed("status", "Show what runs, where it listens, and how it does."),
            "doctor": Listed("doctor", "Say what is not well, and what to do."),
            "support": Listed("support", "Write one archive for whoever helps from afar."),
            "top": Listed("top", "Show rates, drops and lag, second by second."),
            "tail": Listed("tail", "Follow the events of the bus, as lines or curves."),
            "history": Listed("history", "Show what was recorded, as a table or as curves."),
            "devices": Listed("devices", "List the devices of all nodes: name, address, whether online."),
            "nodes": Listed("nodes", "List the nodes of the cluster: which are there, which are gone."),
            "reports": Listed("reports", "Show what the clients of the feed have received."),
            "audit": Listed("audit", "Show who did what, to which device, and what came of it."),
            "operations": Listed("control", "List what the running daemon can do."),
            "board": Listed("board", "Write boards to files, and read them back."),
            "export": Listed("export", "Write what was recorded into a file."),
        },
        "Act": {
            "send": Listed("send", "Send to a device or a peer of a wire; show what became of it."),
            "call": Listed("call", "Run a command and show its result."),
            "replay": Listed("replay", "Publish the past again, under subjects of its own."),
            "alert": Listed("alert", "List, acknowledge and test alerts."),
            "bridge": Listed("bridge", "List the bridges: what goes where, and what was sent."),
            "record": Listed("record", "Begin and finish runs, write notes, list runs."),
            "reload": Listed("reload", "Read the configuration again, and bring it into force."),
            "log": Listed("log", "Show the log level of each section, or choose it."),
            "drain": Listed("control", "Accept no more connections; those that are open go on."),
            "resume": Listed("control", "Accept connections again, after `netd drain`."),
            "stop": Listed("control", "Let netd finish what is open and end; return when it has."),
        },
        "Be a program that netd serves": {
            "device": Listed("device", "Be a device: print each message, and answer it."),
            "agent": Listed("agent", "Be an agent: stream values to the server that dials."),
            "feed": Listed("feed", "Be a client of the feed: collect blocks of samples."),
            "bot": Listed("bot", "Be a bot: take a place in a room, and answer in character."),
            "demo": Listed("demo", "Play all kinds of programs to a running netd."),
        },
        "Run the daemon": {
            "run": Listed("twistd", "Run the daemon in the foreground until Ctrl-C or `netd stop`."),
            "check": Listed("twistd", "Check the configuration, and list all its mistakes."),
            "config": Listed("twistd", "Show the configuration that the daemon would start with."),
            "learn": Listed("learn", "Record a program, and draft the section that serves it."),
            "wire": Listed("wire", "Test a section for a home-made protocol, or print one."),
        },
        "Set up": {
            "token": Listed("token", "Make, rotate, list and remove the tokens of people and programs."),
            "sessions": Listed("sessions", "List the browsers that are signed in, and sign them out."),
            "cert": Listed("cert", "Make certificates for a lab, and check those of a port."),
            "passwd": Listed("passwd", "Set the password of NAME for the manhole."),
            "key": Listed("key", "Add, list and remove the SSH keys that open the manhole."),
            "context": Listed("context", "Name the gateways of other machines, and choose one."),
            "client": Listed("client", "Print a client as one file, write it into a folder, or list them."),
            "backup": Listed("backup", "Write everything that netd keeps into FILE, while it runs."),
            "restore": Listed("backup", "Put everything back that `netd backup` has written into FILE."),
            "cluster": Listed("cluster", "Set up NATS for several machines, and check it."),
            "grafana": Listed("grafana", "Print a data source for Grafana."),
            "completion": Listed("completion", "Print the completion script of a SHELL."),
        },
    }
)
"""Netd's own commands, as ``netd --help`` lists them."""

_OWN: Mapping[str, Listed] = MappingProxyType({name: one for section in SECTIONS.values() for name, one in section.items()})

OWN_VERBS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "board": ("export", "import", "--help", "-h"),
        "cluster": ("init", "check", "nodes", "leave", "join", "--help", "-h"),
        "wire": ("test", "recipe", "--help", "-h"),
    }
)
"""What commands do themselves that share their name with a service."""

_WORDS = "netd.cli.main.words"
"""The key in a click context for the words after the name that is looked up."""


class NetdGroup(click.Group):
    """Netd's own commands; any other name is looked up in the running daemon."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_OWN)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command; for one that belongs to an operation, say where it stands."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name, near = error.option_name, [one for one in error.possibilities or () if one.startswith(error.option_name)]
            said = f"No such option {name!r} before the command; one of an operation stands after it: netd SERVICE VERB {name}."
            raise click.NoSuchOption(name, said, near, ctx) from None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        ctx.meta[_WORDS] = args[1:]
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _OWN and not _is_operation(cmd_name, ctx.meta.get(_WORDS, ())):
            return _OWN[cmd_name].load(cmd_name)
        if not cmd_name.isprintable() or cmd_name.startswith("-"):
            return None
        if ctx.resilient_parsing:
            return _completed_group(ctx, cmd_name)
        return service_group(ctx.ensure_object(Invocation), cmd_name, list(_OWN), ctx.meta.get(_WORDS, ()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands, of services of the running daemon, and of options. No command is imported."""
        found = {name: one.summary for name, one in _OWN.items()}
        try:
            offered = commands(fetch_table(ctx.ensure_object(Invocation), HELP_TIMEOUT))
        except click.ClickException:
            offered = {}
        found |= {name: f"Operations of the service {name}." for name in offered if name not in _OWN and name.isprintable()}
        named = [CompletionItem(name, help=summary) for name, summary in found.items() if name.startswith(incomplete)]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List netd's own commands, section by section."""
        width = max(map(len, _OWN))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", one.summary) for name, one in section.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the services of the running daemon, if there is one."""
        super().format_epilog(ctx, formatter)
        try:
            offered = commands(fetch_table(ctx.ensure_object(Invocation), HELP_TIMEOUT))
        except click.ClickException:
            return
        with formatter.section("Services of the running daemon (netd SERVICE --help)"):
            formatter.write_dl([(name, ", ".join(one.verb for one in verbs)) for name, verbs in offered.items()])


def _is_operation(name: str, words: Sequence[str]) -> bool:
    """Whether an operation is meant, and not what the command of that name does itself.

    That is ``netd board list``, and ``netd history query``: subjects have a dot, or are patterns.
    """
    if name in OWN_VERBS:
        return bool(words) and words[0] not in OWN_VERBS[name]
    return name == "history" and bool(words) and words[0].isalpha()


def _completed_group(ctx: click.Context, service: str) -> click.Command:
    """The operations of *service* for completion by a shell. If the daemon cannot be asked, there are none, and no error."""
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

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such device or operation, 78 mistakes in the
    configuration, 124 not in time.
    """


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode must not raise
    netd(prog_name="netd", obj=Invocation())
