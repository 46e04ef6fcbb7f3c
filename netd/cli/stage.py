"""Where ``netd demo`` plays: one line for each actor, updated in place on a terminal, written one below the other elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import click

from netd.cli.text import escaped

__all__ = ["Actor", "Board", "Play", "Tell", "shown"]

PAUSE = 2.0
"""Seconds before an actor whose part has ended, or failed, begins anew."""

FAREWELL = 5.0
"""Seconds in which all actors must have left the stage."""

PLAIN_INTERVAL = 2.0
"""Seconds between two lines of one actor where lines cannot be updated."""

REFRESHES = 4
"""A second, on a terminal."""

Tell = Callable[[str], object]
"""Puts a text on an actor's line."""


class Actor(Protocol):
    """Somebody who plays a part, in a thread of its own."""

    name: str

    def run(self, tell: Tell) -> None:
        """Play until the part is over; raises what went wrong."""

    def close(self) -> None:
        """Stop playing soon. From another thread."""


class Board:
    """What each actor's line says.

    :param changed: called with a name and its new text, in any thread.
    """

    def __init__(self, names: Sequence[str], changed: Callable[[str, str], object] = lambda name, text: None) -> None:
        self._lock = threading.Lock()
        self._lines = dict.fromkeys(names, "")
        self._changed = changed

    def tell(self, name: str, text: str) -> None:
        """Put *text* on a line; what peers have put into it is escaped here."""
        line = escaped(text)
        with self._lock:
            if self._lines[name] == line:
                return
            self._lines[name] = line
        self._changed(name, line)

    def lines(self) -> list[tuple[str, str]]:
        """Names and texts, in order."""
        with self._lock:
            return list(self._lines.items())


class Play:
    """All actors, each in its thread, over and over until the end.

    :param pause: seconds before an actor begins anew.
    """

    def __init__(self, actors: Sequence[Actor], board: Board, pause: float = PAUSE) -> None:
        self._actors = actors
        self._board = board
        self._pause = pause
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Raise the curtain."""
        for actor in self._actors:
            thread = threading.Thread(target=self._perform, args=(actor,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> bool:
        """Have all leave; whether they did within :data:`FAREWELL`."""
        self._over.set()
        for actor in self._actors:
            actor.close()
        until = time.monotonic() + FAREWELL
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _perform(self, actor: Actor) -> None:
        def tell(text: str) -> None:
            self._board.tell(actor.name, text)

        while not self._over.is_set():
            try:
                actor.run(tell)
            except Exception as error:
                if not self._over.is_set():
                    tell(f"{str(error) or type(error).__name__}; trying again")
            self._over.wait(self._pause)


class _Plain:
    """Writes a line for each change, but not too many of one actor.

    :ivar failure: why nothing can be written any more: whoever read it has left.
    """

    def __init__(self, clock: Callable[[], float], over: threading.Event) -> None:
        self.failure: OSError | None = None
        self._clock = clock
        self._over = over
        self._last: dict[str, float] = {}

    def changed(self, name: str, text: str) -> None:
        """Write it, unless the actor's last line is too young."""
        now = self._clock()
        if self.failure is not None or now - self._last.get(name, -PLAIN_INTERVAL) < PLAIN_INTERVAL:
            return
        self._last[name] = now
        try:
            click.echo(f"{name}: {text}")
        except OSError as error:  # in an actor's thread, which cannot end the play
            self.failure = error
            self._over.set()


@contextmanager
def shown(
    names: Sequence[str], is_terminal: bool, over: threading.Event, clock: Callable[[], float] = time.monotonic
) -> Iterator[Board]:
    """A board that is shown as long as the ``with`` lasts.

    :param over: set when nobody can see the board any more.
    :raises OSError: in the end, why that was so.
    """
    if not is_terminal:
        plain = _Plain(clock, over)
        yield Board(names, plain.changed)
        if plain.failure is not None:
            raise plain.failure
        return
    from rich.console import Console  # noqa: PLC0415 - rich takes long to import
    from rich.live import Live  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    board = Board(names)

    def render() -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True, min_width=max(map(len, names)))
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, text in board.lines():
            table.add_row(Text(name), Text(text))
        return table

    with Live(get_renderable=render, console=Console(), refresh_per_second=REFRESHES):
        yield board
