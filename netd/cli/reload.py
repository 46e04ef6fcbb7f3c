"""``netd reload``, and what ``netd config --diff`` asks: the configuration of the running daemon against its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from netd.cli.invocation import Exit, Failure, Invocation, NetdCommand
from netd.cli.text import escaped
from netd.client.control import OperationFailed

__all__ = ["reload", "show_difference"]


class ConfigurationRefused(Failure):
    """The configuration has mistakes, and nothing has changed; there is a line for each.

    :param last: a line below them.
    """

    exit_code = Exit.CONFIGURATION

    def __init__(self, error: OperationFailed, last: str) -> None:
        super().__init__(str(error))
        self._lines = [*str(error).splitlines(), last]

    def show(self, file: Any = None) -> None:
        """Write the lines as `netd check` does."""
        for line in self._lines:
            click.echo(escaped(line), err=True)


@click.command(cls=NetdCommand)
@click.pass_obj
def reload(invocation: Invocation) -> None:
    """Read the configuration again, and bring it into force.

    Connections stay open. With any mistake nothing changes: all are listed, and the exit status is 78. What waits for a restart
    is named. SIGHUP does the same, and its outcome is in the log.
    """
    result = _ask(invocation, check=False)
    if invocation.as_json:
        invocation.print_json(result)
    else:
        for line in _lines(result, is_done=True) if _differs(result) else [f"nothing has changed in {result['file']}"]:
            click.echo(escaped(line))
    for failure in result.get("failures", ()):
        click.echo(escaped(failure), err=True)
    if result.get("failures"):
        raise click.exceptions.Exit(Exit.FAILED)


def show_difference(invocation: Invocation) -> None:
    """Show what a reload would change; exit with 1 if that is anything, and with 2 if the daemon cannot be asked."""
    try:
        result = _ask(invocation, check=True)
    except ConfigurationRefused:
        raise
    except Failure as failure:
        failure.show()
        raise click.exceptions.Exit(Exit.USAGE) from failure
    if invocation.as_json:
        invocation.print_json(result)
    else:
        for line in (
            _lines(result, is_done=False) if _differs(result) else [f"nothing would change: {result['file']} is in force"]
        ):
            click.echo(escaped(line))
    if _differs(result):
        raise click.exceptions.Exit(Exit.FAILED)


def _ask(invocation: Invocation, check: bool) -> Mapping[str, Any]:
    with invocation.control() as control:
        try:
            result: Mapping[str, Any] = control.call("system.reload", check=check)
        except OperationFailed as error:
            last = "a reload would be refused" if check else "nothing has changed: the configuration in force stays"
            raise ConfigurationRefused(error, last) from error
    return result


def _differs(result: Mapping[str, Any]) -> bool:
    return any(result.get(kind) for kind in ("changed", "restart", "added", "removed", "files"))


def _lines(result: Mapping[str, Any], is_done: bool) -> Iterator[str]:
    """Return the changes that a reload has made, or would make, one a line."""
    for option in result.get("changed", ()):
        yield f"{_change(option)} ({option['place']})"
    for section in result.get("added", ()):
        yield f"[{section}] has been started" if is_done else f"[{section}] would be started"
    for section in result.get("removed", ()):
        yield f"[{section}] finishes its connections" if is_done else f"[{section}] would be stopped"
    yield from result.get("files", ())
    for option in result.get("restart", ()):
        yield f"{_change(option)} ({option['place']}), once netd is started again"


def _change(option: Mapping[str, Any]) -> str:
    return f"[{option['section']}] {option['option']}: {option['before']} -> {option['after']}"
