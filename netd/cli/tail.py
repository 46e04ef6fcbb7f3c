"""``netd tail``: the events of the bus, live, as lines or as a plot."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from netd.cli.generated import fetch_events
from netd.cli.invocation import Invocation, NetdCommand, seconds
from netd.cli.plot import Plot, numbers
from netd.cli.remote import SubscriptionPort
from netd.cli.text import escaped
from netd.codec.words import EventSchemas, Words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from netd.client.events import Item

__all__ = ["PlotScreen", "item_json", "tail", "words_line"]

REDRAW = 0.1
"""Seconds at least between two redraws of a plot."""


@click.command(cls=NetdCommand, short_help="Follow the events of the bus, as lines or curves.")
@click.argument("pattern", default=">")
@click.option("--plot", is_flag=True, help="Draw numbers as curves; off a terminal, write the events.")
@click.option("--every", type=seconds, help="At most one event of each subject in this time.")
@click.option(
    "--replay", metavar="N", default=0, type=click.IntRange(0, 1000), help="Begin with the last N events of each subject."
)
@click.pass_obj
def tail(invocation: Invocation, pattern: str, plot: bool, every: float | None, replay: int) -> None:
    """Follow the events whose subject matches PATTERN: `session.>`, `relay.*.presence.*`; all without one. Ctrl-C ends it."""
    from netd.client.events import DROP_OLDEST, LATEST, Wish  # noqa: PLC0415 - all commands must start fast
    from netd.client.subscription import Hooks  # noqa: PLC0415

    is_drawn = plot and not invocation.as_json and sys.stdout.isatty()
    wish = Wish(pattern, REDRAW if is_drawn and every is None else every, replay, LATEST if is_drawn else DROP_OLDEST)
    notes: list[str] = []
    hooks = Hooks(disconnected=lambda reason, delay: notes.append(f"{reason}; trying again in {delay:.1f} s"))
    if not is_drawn:
        hooks = Hooks(disconnected=lambda reason, delay: _note(f"{reason}; trying again in {delay:.1f} s"))
    described: EventSchemas = ()
    if sys.stdout.isatty() and not (is_drawn or invocation.as_json):
        with invocation.control() as control:
            described = fetch_events(control)
    try:
        with invocation.subscription(wish, hooks) as events:
            if is_drawn:
                _draw(events, notes)
            else:
                _write(invocation, events, described)
    except KeyboardInterrupt:
        pass


def _note(text: str) -> None:
    click.echo(escaped(f"netd: {text}"), err=True)


def _write(invocation: Invocation, events: SubscriptionPort, described: EventSchemas) -> None:
    has_colour = sys.stdout.isatty() and not invocation.surroundings.environ.get("NO_COLOR")
    line = partial(words_line, has_colour=has_colour, described=described) if sys.stdout.isatty() else _line
    for item in events:
        if invocation.as_json:
            click.echo(json.dumps(item_json(item), separators=(",", ":")))
            continue
        note = _loss(item)
        if note:
            _note(note)
        else:
            click.echo(line(item))


def item_json(item: Item) -> dict[str, Any]:
    """*item* for programs: an event, or a note about lost events."""
    from netd.client.events import Dropped, Gap  # noqa: PLC0415 - all commands must start fast

    if isinstance(item, Gap):
        return {"gap": {"from": item.first, "to": item.last}}
    return {"dropped": item._asdict()} if isinstance(item, Dropped) else item._asdict()


def _loss(item: Item) -> str:
    """A sentence about lost events; empty for an event."""
    from netd.client.events import Dropped, Gap  # noqa: PLC0415 - all commands must start fast

    if isinstance(item, Gap):
        upto = f"events {item.first} to {item.last}" if item.last is not None else f"events from {item.first} on"
        return f"{upto} came while there was no connection, and are lost"
    return f"{item.events} events were dropped: this is read too slowly" if isinstance(item, Dropped) else ""


def _line(item: Item) -> str:
    """An event on one line: time, subject, and the event as JSON."""
    known = item_json(item)
    moment = datetime.fromtimestamp(known["time"], UTC).isoformat(timespec="milliseconds")
    return f"{moment} {escaped(known['subject'])} {escaped(json.dumps(known['data'], ensure_ascii=False))}"


def words_line(item: Item, has_colour: bool, described: EventSchemas = ()) -> str:
    """An event for a person at a terminal: the local time, the subject, and the event in words.

    :param described: schemas of the events that services publish.
    """
    known = item_json(item)
    moment = known["time"]
    when = datetime.fromtimestamp(moment).astimezone().strftime("%H:%M:%S.%f")[:-3]
    subject = escaped(known["subject"])
    said = escaped(Words(moment, events=described).event(known["subject"], moment, known["data"])) or "-"
    if has_colour:
        return f"{click.style(when, dim=True)} {click.style(subject, fg='cyan')} {said}"
    return f"{when} {subject} {said}"


def _draw(events: SubscriptionPort, notes: list[str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich takes long to import

    with PlotScreen(Console(highlight=False, emoji=False, markup=False), time.monotonic) as screen:
        screen.follow(events, notes)


class PlotScreen:
    """A terminal with a plot, which is redrawn for new events, at most ten times a second.

    :ivar note: text below the plot until the next event.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        from rich.live import Live  # noqa: PLC0415 - rich takes long to import

        self.plot = Plot()
        self.note = "waiting for events"
        self._console = console
        self._clock = clock
        self._live = Live(console=console, get_renderable=self._render, auto_refresh=False, screen=console.is_terminal)
        self._redraw_at = clock()
        self._shown_note = ""
        self._is_new = True

    def __enter__(self) -> PlotScreen:
        self._live.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._live.stop()

    def follow(self, events: SubscriptionPort, notes: list[str]) -> None:
        """Show *events* without end, and each text that is added to *notes*."""
        while True:
            item = events.take(REDRAW)
            if item is not None:
                self.add(item)
            while notes:
                self.note = notes.pop(0)
            self.redraw()

    def add(self, item: Item) -> None:
        """Take in what came."""
        self._is_new = True
        self.note = _loss(item)
        if not self.note:
            known = item_json(item)
            for name, value in numbers(known["subject"], known["data"]):
                self.plot.add(name, known["time"], value)

    def redraw(self) -> None:
        """Show what is new, unless that was done a moment ago."""
        now = self._clock()
        if (self._is_new or self.note != self._shown_note) and now >= self._redraw_at:
            self._is_new, self._shown_note, self._redraw_at = False, self.note, now + REDRAW
            self._live.refresh()

    def _render(self) -> RenderableType:
        from rich.text import Text  # noqa: PLC0415 - rich takes long to import

        columns, rows = self._console.size
        styles = {"title": "bold", "curve": "cyan", "note": "dim"}
        lines = self.plot.lines(columns, rows - 1, self._console.encoding.startswith("utf"))
        shown = [Text(escaped(text), style=styles[kind], no_wrap=True, overflow="ellipsis") for text, kind in lines]
        if self.note:
            shown.append(Text(escaped(self.note), style="yellow", no_wrap=True, overflow="ellipsis"))
        return Text("\n", no_wrap=True, overflow="ellipsis").join(shown)
