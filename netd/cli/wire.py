"""``netd wire test``: this process becomes the program that says a transcript to a section. ``netd wire recipe`` prints sections.

Recipes are files that come with netd, and printed without a daemon.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import netd
from netd.cli.invocation import Failure, Invocation, NetdCommand, NotFound
from netd.cli.twistd import become

__all__ = ["wire"]

ASK_SECONDS = 5.0
"""Seconds that a running daemon has to name its configuration."""

_RECIPES = Path(netd.__file__).parent / "wire" / "recipes"


def _titles() -> dict[str, str]:
    """What each recipe is for: the comment on its first line."""
    return {
        path.stem: path.read_text(encoding="utf-8").partition("\n")[0].removeprefix(";").strip()
        for path in sorted(_RECIPES.glob("*.ini"))
    }


@click.group(
    short_help="Test a section for a home-made protocol, or print one.",
    epilog="Operations of the daemon, too: netd wire peers, send, ask, tell, close, rules, misfits, questions.",
)
def wire() -> None:
    """Test a section [wire:NAME], or print one for a known protocol. Neither needs a running daemon."""


@wire.command(cls=NetdCommand, common=("state",))
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "-c",
    "--config",
    "configuration",
    metavar="INI",
    type=click.Path(exists=True, dir_okay=False),
    help="File with the section. [default: that of the running daemon, else /etc/netd/netd.ini]",
)
@click.pass_obj
def test(invocation: Invocation, name: str, file: str, configuration: str | None) -> None:
    """Replay the transcript FILE, and show which rule of [wire:NAME] takes each message and what becomes of it.

    Then the transcript is replayed byte by byte, as a slow network would deliver it. The exit status is 1 if that makes a
    difference, if no rule takes a message, or if the section says something else than the transcript has.
    """
    invocation.require_unix()
    ini = configuration or _running_ini(invocation)
    chosen = [ini] if ini is not None else []
    become(invocation, str(invocation.surroundings.python), "-P", "-m", "netd.wire.tools", "test", name, file, *chosen)


def _running_ini(invocation: Invocation) -> str | None:
    """The file of the daemon that runs on this machine, whose log names this command; None where there is none to be read."""
    try:
        with invocation.control(ASK_SECONDS, is_local=True) as control:
            found = control.call("system.status").get("configuration")
    except Failure:
        return None
    return found if isinstance(found, str) and os.access(found, os.R_OK) else None


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=title) for name, title in _titles().items() if name.startswith(incomplete)]


@wire.command(cls=NetdCommand, common=())
@click.argument("name", required=False, shell_complete=_complete)
@click.option("--transcript", is_flag=True, help="Print the example of the recipe instead: a transcript.")
def recipe(name: str | None, transcript: bool) -> None:
    """Print the section for the protocol NAME, to be appended to your INI; without NAME, list all.

    Each has a transcript as an example: `netd wire recipe NAME --transcript`.
    """
    titles = _titles()
    if name is None:
        width = max(map(len, titles))
        for one, title in titles.items():
            click.echo(f"{one:{width}}  {title}")
        return
    if name not in titles:
        raise NotFound(f"no recipe {name!r}; `netd wire recipe` lists them")
    suffix = "transcript" if transcript else "ini"
    click.echo((_RECIPES / f"{name}.{suffix}").read_text(encoding="utf-8"), nl=False)
