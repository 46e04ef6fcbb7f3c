"""``netd doctor``: what is not well, and what to do. Its exit status is that of a check program, as Nagios runs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from netd.cli.invocation import Exit, Failure, Invocation, NetdCommand, UnknownForm
from netd.cli.text import escaped
from netd.client.control import NotRunning

__all__ = ["doctor", "examine"]

_STYLES = {"ok": "green", "warning": "yellow", "problem": "red"}

SECONDS = 20.0
"""Seconds that the look at a machine without a daemon may take."""


_STATUSES = {"ok": 0, "warning": 1, "problem": 2}
"""The exit status for each level."""


class NotKnown(Failure):
    """Nothing could be found out."""

    exit_code = Exit.NOT_FOUND  # 3, which check programs have for this


@click.command(cls=NetdCommand)
@click.option("-c", "--config", "configuration", metavar="FILE", help="Configuration to look at where no daemon runs.")
@click.option("--all", "is_whole", is_flag=True, help="Show also what is well.")
@click.pass_obj
def doctor(invocation: Invocation, configuration: str | None, is_whole: bool) -> None:
    """Say what is not well, and what to do.

    It looks at the daemon, its sections and its machine, and tells which programs were not let in, and why. Where no daemon
    runs, it looks at the configuration, ports, disks, certificates, versions and the clock. The exit status is 0
    if all is well, 1 for a warning, 2 for a problem, 3 if nothing could be found out: so monitoring can run it.
    """
    found = examine(invocation, configuration)
    if invocation.as_json:
        invocation.print_json(found)
    else:
        _show(found, is_whole)
    raise click.exceptions.Exit(_STATUSES[found["level"]])


def examine(invocation: Invocation, configuration: str | None) -> Mapping[str, Any]:
    """Return the examination of the chosen daemon; where none runs on this machine, one of the machine.

    :raises NotKnown: if neither can be had.
    """
    try:
        with invocation.control() as control:
            found = control.call("system.doctor")
    except Failure as failure:
        if not isinstance(failure.__cause__, NotRunning) or invocation.context() is not None or invocation.node is not None:
            raise NotKnown(failure.message) from failure
        if configuration is None and invocation.service_told():  # what is wrong with files of another user is no finding
            raise NotKnown(failure.message) from failure
        found = _look_alone(invocation, configuration, failure.message)
    if not isinstance(found, Mapping) or found.get("level") not in _STYLES or not isinstance(found.get("findings"), list):
        raise UnknownForm("the examination")
    return found


def _look_alone(invocation: Invocation, configuration: str | None, why: str) -> Mapping[str, Any]:
    """Examine this machine by a program of the daemon's, which the command line does not import."""
    invocation.require_unix()
    surroundings = invocation.surroundings
    environ = dict(surroundings.environ)
    if invocation.named_state is not None:
        environ["NETD_STATE_DIRECTORY"] = str(invocation.named_state.absolute())
    chosen = [configuration] if configuration is not None else []
    try:
        found = json.loads(
            surroundings.run_program([str(surroundings.python), "-P", "-m", "netd.doctor", *chosen], environ, SECONDS)
        )
    except (OSError, ValueError) as error:
        raise NotKnown(f"{why}; and this machine could not be looked at: {error}") from error
    daemon = {
        "check": "daemon",
        "level": "problem",
        "text": why,
        "remedy": "`netd run`, or `systemctl start netd`",
        "section": "",
    }
    return {"level": "problem", "findings": [daemon, *found["findings"]]}


def _show(found: Mapping[str, Any], is_whole: bool) -> None:
    findings = found["findings"]
    for one in findings:
        if is_whole or one["level"] != "ok":
            level = click.style(f"{one['level']:<7}", fg=_STYLES[one["level"]])
            click.echo(f"{level}  " + escaped(f"{one['check']}: {one['text']}"))
            if one["remedy"]:
                click.echo(escaped(f"{'':<7}  -> {one['remedy']}"))
    counts = [f"{sum(one['level'] == level for one in findings)} {level}" for level in _STYLES]
    click.echo(f"{found['level']}: {', '.join(counts)}" + ("" if is_whole else "; --all shows what is well, too"))
