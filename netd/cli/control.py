"""``netd operations``, ``netd drain``, ``netd resume`` and ``netd stop``: the daemon as a whole."""

from __future__ import annotations

from collections.abc import Mapping

import click

from netd.cli.generated import fetch_table
from netd.cli.invocation import ControlPort, Invocation, NetdCommand, seconds
from netd.cli.text import escaped
from netd.client.control import ControlError, Lost, NotRunning, RemoteError
from netd.plaintext import duration

__all__ = ["drain", "operations", "resume", "stop"]


@click.command(cls=NetdCommand)
@click.pass_obj
def operations(invocation: Invocation) -> None:
    """List what the running daemon can do."""
    if invocation.as_json:
        with invocation.control() as control:
            invocation.print_json(control.call("system.operations"))
        return
    table = fetch_table(invocation)
    rows = [
        (
            (one.name + ("*" if one.is_lasting else ""), one.role, ", ".join(one.instances), one.summary),
            [("", " ".join(argument.usage for argument in one.arguments))] if one.arguments else (),
        )
        for one in table
    ]
    invocation.show_grid(("operation", "role", "instances", "summary"), rows)
    click.echo("\nEach of them is a command, netd SERVICE VERB: `netd relay send TARGET --text TEXT`.")
    if any(one.is_lasting for one in table):
        click.echo(
            "* lasts as long as the connection that asks for it, so only programs can; "
            "`netd tail`, `netd device` and `netd bot` do the like."
        )
    click.echo("Roles: a viewer looks, an operator acts on devices and sessions, an admin on the daemon.")


@click.command(cls=NetdCommand)
@click.option("--within", type=seconds, help="Close open connections after this time: 30s, 5m, 1h.")
@click.pass_obj
def drain(invocation: Invocation, within: float | None) -> None:
    """Accept no more connections; those that are open go on.

    With --within, they are closed at that time, as when netd stops. The gateway and the manhole stay open. `netd resume` takes it
    back, `netd stop` ends the daemon.
    """
    with invocation.control() as control:
        which, _ = _which(invocation, control)
        result = control.call("system.drain", **({} if within is None else {"within": within}))
    if invocation.as_json:
        invocation.print_json(result)
    else:
        open_ones = "go on" if within is None else f"are closed in {duration(within)}"
        click.echo(
            escaped(f"netd accepts no more connections; those that are open {open_ones}: {which}; `netd resume` takes it back")
        )


@click.command(cls=NetdCommand)
@click.pass_obj
def resume(invocation: Invocation) -> None:
    """Accept connections again, after `netd drain`."""
    with invocation.control() as control:
        which, before = _which(invocation, control)
        result = control.call("system.resume")
    if invocation.as_json:
        invocation.print_json(result)
    else:
        what = "was not draining, and accepts connections" if before == "serving" else "accepts connections again"
        click.echo(escaped(f"netd {what}: {which}"))


@click.command(cls=NetdCommand, common=("state", "context", "json", "timeout"))
@click.pass_obj
def stop(invocation: Invocation) -> None:
    """Let netd finish what is open and end; return when it has."""
    with invocation.control() as control:
        which, _ = _which(invocation, control)
        click.echo(escaped(f"netd: stopping {which}"), err=True)
        try:
            control.call("system.stop")
            control.wait_closed()
        except Lost as error:
            _make_sure(control, error)
    if invocation.as_json:
        invocation.print_json({"status": "stopped"})
    else:
        click.echo(escaped(f"netd has stopped: {which}"))


def _which(invocation: Invocation, control: ControlPort) -> tuple[str, object]:
    """Name and place of the daemon, for users who run several; and its state, None where it cannot be told."""
    context = invocation.context()
    where = f"state directory {invocation.state.absolute()}" if context is None else f"at {context.url}, context {context.name}"
    if invocation.node is not None:
        where = f"node {invocation.node} of the cluster"
    try:
        facts = control.call("system.status")
    except RemoteError:  # a daemon whose status fails can be stopped all the same
        facts = None
    told = facts if isinstance(facts, Mapping) else {}
    return f"{told.get('name') or 'the daemon'} ({where})", told.get("state")


def _make_sure(control: ControlPort, lost: Lost) -> None:
    """Return if the daemon has ended before its answer arrived.

    :raises Lost: if it still runs, or if that cannot be told.
    """
    try:
        control.call("system.status")
    except NotRunning:
        return
    except ControlError:
        pass
    raise lost
