"""``netd run``, ``netd check`` and ``netd config``: this process becomes the daemon, or the program that reads its configuration.

The command line knows the daemon's options by name only, and never imports it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from netd.cli.invocation import CliSurroundings, Failure, Invocation, Misused, NetdCommand
from netd.cli.reload import show_difference

__all__ = ["become", "check", "config", "find_twistd", "run"]

_config_option = click.option(
    "-c",
    "--config",
    "configuration",
    metavar="FILE",
    help="Configuration file. [default: /etc/netd/netd.ini, else the packaged one]",
)


def find_twistd(surroundings: CliSurroundings) -> str:
    """The path of twistd: beside the running interpreter, else on the ``PATH``.

    :raises Failure: if it is not found.
    """
    beside = surroundings.python.parent / "twistd"
    if beside.is_file() and os.access(beside, os.X_OK):
        return str(beside)
    found = shutil.which("twistd", path=surroundings.environ.get("PATH", os.defpath))
    if found is None:
        raise Failure(f"twistd is neither beside {surroundings.python} nor on the PATH: install netd with its dependencies")
    return str(Path(found).resolve())


def become(invocation: Invocation, *arguments: str) -> None:
    """Replace this process by the program of these *arguments*, with the state directory of ``--state``."""
    environ = dict(invocation.surroundings.environ)
    if invocation.named_state is not None:
        environ["NETD_STATE_DIRECTORY"] = str(invocation.named_state.absolute())
    invocation.surroundings.replace_process(list(arguments), environ)


def _look_at(invocation: Invocation, what: str, configuration: str | None) -> None:
    """Replace this process by the program that reads the configuration. ``-P`` keeps the current directory out of it."""
    invocation.require_unix()
    chosen = [configuration] if configuration is not None else []
    become(invocation, str(invocation.surroundings.python), "-P", "-m", "netd.check", what, *chosen)


@click.command(cls=NetdCommand, common=("state",), context_settings={"ignore_unknown_options": True})
@_config_option
@click.argument("extra", nargs=-1, type=click.UNPROCESSED, metavar="[TWISTD OPTIONS]...")
@click.pass_obj
def run(invocation: Invocation, configuration: str | None, extra: tuple[str, ...]) -> None:
    """Run the daemon in the foreground until Ctrl-C or `netd stop`."""
    invocation.require_unix()
    chosen = ["-c", configuration] if configuration is not None else []
    become(invocation, find_twistd(invocation.surroundings), "-n", "--pidfile=", *extra, "netd", *chosen)


@click.command(cls=NetdCommand, common=("state",), short_help="Check the configuration, and list all its mistakes.")
@_config_option
@click.pass_obj
def check(invocation: Invocation, configuration: str | None) -> None:
    """Check the configuration; list all its mistakes, and exit with 78."""
    _look_at(invocation, "check", configuration)


@click.command(cls=NetdCommand, common=("state", "context", "json", "timeout"))
@_config_option
@click.option("--origin", is_flag=True, help="Add the place where each value is written.")
@click.option("--diff", is_flag=True, help="Show what a reload would change in the running daemon.")
@click.pass_obj
def config(invocation: Invocation, configuration: str | None, origin: bool, diff: bool) -> None:
    """Show the configuration that the daemon would start with.

    A running daemon may have another. With --diff, it is asked; the exit status is 0 where nothing differs, 1 where something
    does, 78 where the file has mistakes, 2 where the daemon cannot be asked.
    """
    if diff:
        if configuration is not None or origin:
            raise Misused(
                "--diff asks the running daemon, which reads the file that it was started with: leave out -c and --origin"
            )
        show_difference(invocation)
        return
    if invocation.as_json:
        raise Misused("only --diff has an answer for programs; leave out --json")
    _look_at(invocation, "origin" if origin else "config", configuration)
