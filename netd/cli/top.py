"""``netd top``: how much goes on in the daemon, service by service, once a second."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from netd.cli.invocation import ControlPort, Failure, Invocation, NetdCommand, TimedOut
from netd.cli.rates import Look, Shown, compare, size_rate
from netd.cli.remote import SubscriptionPort
from netd.cli.text import duration, escaped
from netd.cli.words import rate
from netd.client.control import ControlError, RemoteError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["TopScreen", "top"]

VITALS = "system.main.vitals"

STALE = 3.0
"""Seconds without vitals, which come once in one, after which the screen says so."""

COLUMNS = ("service", "connections", "in", "out", "dropped", "activity")


@click.command(cls=NetdCommand, short_help="Show rates, drops and lag, second by second.")
@click.pass_obj
def top(invocation: Invocation) -> None:
    """Show what goes on, second by second: connections, rates, drops, lag. Off a terminal, one second of it."""
    from netd.client.events import LATEST, Wish  # noqa: PLC0415 - all commands must start fast
    from netd.client.subscription import Hooks  # noqa: PLC0415

    wish = Wish(VITALS, policy=LATEST)
    try:
        with invocation.control() as control, invocation.subscription(wish, Hooks()) as vitals:
            if invocation.as_json or not sys.stdout.isatty():
                _show_once(invocation, control, vitals)
            else:
                _watch(control, vitals)
    except KeyboardInterrupt:
        pass


def _show_once(invocation: Invocation, control: ControlPort, vitals: SubscriptionPort) -> None:
    patience = invocation.patience()
    looks = []
    for _ in range(2):
        look = _look(control, vitals, patience)
        if look is None:
            raise TimedOut(f"netd did not tell how it does within {patience:g} s")
        looks.append(look)
    whole, services = _compare(*looks)
    if invocation.as_json:
        shown = [_shown_json(one) for one in services]
        invocation.print_json({"name": looks[1].status.get("name"), **whole, "services": shown})
        return
    click.echo(escaped(_headline(looks[1], whole), keep="\n"))
    click.echo()
    invocation.show_table(COLUMNS, [_row(one) for one in services])


def _look(control: ControlPort, vitals: SubscriptionPort, seconds: float) -> Look | None:
    """The daemon at its next vitals; None when they do not come in time."""
    from netd.client.events import Event  # noqa: PLC0415 - all commands must start fast

    while True:
        item = vitals.take(seconds)
        if item is None:
            return None
        if isinstance(item, Event):
            return Look(item.data, control.call("system.status"))


def _compare(before: Look, after: Look) -> tuple[dict[str, Any], list[Shown]]:
    try:
        return compare(before, after)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Failure("this netd tells how it does in a way that this command does not know: update the older one") from error


def _headline(look: Look, whole: dict[str, Any]) -> str:
    dropped = f"{whole['dropped']:,.0f} dropped ({whole['dropped_rate']:,.0f}/s)"
    connections = "1 connection" if whole["connections"] == 1 else f"{whole['connections']:,.0f} connections"
    return (
        f"netd {look.status.get('version')} as {look.status.get('name')}, up {duration(whole['uptime'])}\n"
        f"{connections}, {whole['published_rate']:,.0f} events/s, {dropped}, lag {whole['lag'] * 1000:.0f} ms"
    )


def _row(service: Shown) -> tuple[str, str, str, str, str, str]:
    rates = dict(service.rates)
    received, sent = (size_rate(rates.pop(name, 0.0)) for name in ("bytes_in", "bytes_out"))
    activity = ", ".join(f"{name.replace('_', ' ')} {rate(number)}" for name, number in rates.items())
    return service.label, f"{service.connections:,}", received, sent, f"{service.dropped:,}", activity


def _shown_json(service: Shown) -> dict[str, Any]:
    return {
        "kind": service.kind,
        "instance": service.instance,
        "connections": service.connections,
        "dropped": service.dropped,
        "rates": dict(service.rates),
    }


def _watch(control: ControlPort, vitals: SubscriptionPort) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich takes long to import

    with TopScreen(Console(highlight=False, emoji=False, markup=False)) as screen:
        screen.follow(control, vitals)


class TopScreen:
    """A terminal that shows what goes on between the last two looks."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live  # noqa: PLC0415 - rich takes long to import

        self._last: Look | None = None
        self._complaint = ""
        self._headline = "netd: the first second passes"
        self._rows: list[tuple[str, ...]] = []
        self._live = Live(console=console, get_renderable=self._render, auto_refresh=False, screen=console.is_terminal)

    def __enter__(self) -> TopScreen:
        self._live.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._live.stop()

    def follow(self, control: ControlPort, vitals: SubscriptionPort) -> None:
        """Show one look after the other for ever. What goes wrong with the first ends it; later, it may pass."""
        self.show(_look(control, vitals, STALE))
        while True:
            try:
                self.show(_look(control, vitals, STALE))
            except RemoteError:
                raise
            except ControlError as error:
                self.complain(str(error))

    def show(self, look: Look | None) -> None:
        """Show what has gone on since the look before; None says that there was none to be had."""
        if look is None:
            self.complain("netd is silent: what is shown is old")
            return
        self._complaint = ""
        if self._last is not None:
            whole, services = _compare(self._last, look)
            self._headline = _headline(look, whole)
            self._rows = [_row(one) for one in services]
        self._last = look
        self._live.refresh()

    def complain(self, text: str) -> None:
        """Say that what is shown is no longer so."""
        self._complaint = text
        self._live.refresh()

    def _render(self) -> RenderableType:
        from rich.console import Group  # noqa: PLC0415 - rich takes long to import
        from rich.text import Text  # noqa: PLC0415

        from netd.cli.render import table  # noqa: PLC0415

        shown: list[RenderableType] = [Text(escaped(self._headline, keep="\n"), style="bold"), Text("")]
        if self._rows:
            shown.append(table(COLUMNS, self._rows))
        if self._complaint:
            shown += [Text(""), Text(escaped(self._complaint), style="yellow")]
        return Group(*shown)
