"""``netd top``: the activity of the daemon and its services, once a second.

It calls ``system.status`` alone, which every token may, even one that is confined to some subjects.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from netd.cli.invocation import ControlPort, Invocation, NetdCommand, UnknownForm
from netd.cli.rates import Course, Facts, Shown, count_rate, size_rate
from netd.cli.text import escaped
from netd.client.control import ControlError, RemoteError
from netd.plaintext import duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["TopScreen", "top"]

INTERVAL = 1.0
"""Seconds between two looks."""

ONCE = 5.0
"""Seconds over which rates are told where nobody watches."""

STALE = 3.0
"""Seconds without an answer after which the screen says so."""

COLUMNS = ("service", "connections", "in", "out", "dropped", "activity")


@click.command(cls=NetdCommand, short_help="Show rates, drops and lag, second by second.")
@click.pass_obj
def top(invocation: Invocation) -> None:
    """Show what goes on: connections, drops, lag, and rates over the last ten seconds. Off a terminal, once, over five."""
    sleep = invocation.surroundings.sleep
    try:
        if invocation.as_json or not sys.stdout.isatty():
            with invocation.control() as control:
                _show_once(invocation, control, sleep)
        else:
            with invocation.control(invocation.timeout or STALE) as control:
                _watch(control, sleep)
    except KeyboardInterrupt:
        pass


def _show_once(invocation: Invocation, control: ControlPort, sleep: Callable[[float], object]) -> None:
    course = Course()
    look, told = _look(control, course)
    while told is None:  # after a restart of the daemon, the readings begin again
        sleep(ONCE)
        look, told = _look(control, course)
    whole, services = told
    if invocation.as_json:
        shown = [_shown_json(one) for one in services]
        invocation.print_json({"name": look.get("name"), **whole, "services": shown})
        return
    click.echo(escaped(_headline(look, whole), keep="\n"))
    click.echo()
    invocation.show_table(COLUMNS, [_row(one) for one in services])


def _look(control: ControlPort, course: Course) -> tuple[Facts, tuple[dict[str, Any], list[Shown]] | None]:
    """Read the status, and return the figures of *course* with it.

    :raises Failure: if the status has not the expected form.
    """
    look = control.call("system.status")
    try:
        course.add(look)
        return look, course.told()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnknownForm("the status") from error


def _headline(look: Facts, whole: dict[str, Any]) -> str:
    published = count_rate(whole["published_rate"]).replace("/s", " events/s")
    dropped = f"{whole['dropped']:,.0f} dropped ({count_rate(whole['dropped_rate'])})"
    connections = "1 connection" if whole["connections"] == 1 else f"{whole['connections']:,.0f} connections"
    return (
        f"netd {look.get('version')} as {look.get('name')}, up {duration(whole['uptime'])}\n"
        f"{connections}, {published}, {dropped}, lag {whole['lag'] * 1000:.0f} ms"
    )


def _row(service: Shown) -> tuple[str, str, str, str, str, str]:
    rates = dict(service.rates)
    received, sent = (size_rate(rates.pop(name, 0.0)) for name in ("bytes_in", "bytes_out"))
    activity = ", ".join(f"{name.replace('_', ' ')} {count_rate(number)}" for name, number in rates.items())
    return service.label, f"{service.connections:,}", received, sent, f"{service.dropped:,}", activity


def _shown_json(service: Shown) -> dict[str, Any]:
    return {
        "kind": service.kind,
        "instance": service.instance,
        "connections": service.connections,
        "dropped": service.dropped,
        "rates": dict(service.rates),
    }


def _watch(control: ControlPort, sleep: Callable[[float], object]) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich takes long to import

    with TopScreen(Console(highlight=False, emoji=False, markup=False)) as screen:
        screen.follow(control, sleep)


class TopScreen:
    """A terminal with the activity of the last seconds."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live  # noqa: PLC0415 - rich takes long to import

        self._course = Course()
        self._complaint = ""
        self._headline = "netd: the first second passes"
        self._rows: list[tuple[str, ...]] = []
        self._live = Live(console=console, get_renderable=self._render, auto_refresh=False, screen=console.is_terminal)

    def __enter__(self) -> TopScreen:
        self._live.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._live.stop()

    def follow(self, control: ControlPort, sleep: Callable[[float], object]) -> None:
        """Show one look after the other for ever. What goes wrong with the first ends it; later, it may pass."""
        self.show(control)
        while True:
            sleep(INTERVAL)
            try:
                self.show(control)
            except RemoteError:
                raise
            except ControlError as error:
                self.complain(f"what is shown is old: {error}")

    def show(self, control: ControlPort) -> None:
        """Read the status, and update the screen.

        :raises ControlError: if the daemon cannot be asked.
        """
        look, told = _look(control, self._course)
        self._complaint = ""
        if told is not None:
            whole, services = told
            self._headline = _headline(look, whole)
            self._rows = [_row(one) for one in services]
        self._live.refresh()

    def complain(self, text: str) -> None:
        """Show that the figures are out of date."""
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
