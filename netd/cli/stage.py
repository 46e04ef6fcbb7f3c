"""The display of ``netd demo``: one line for each actor, updated in place on a terminal, and printed as a log elsewhere."""

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
"""Seconds after which an actor starts again whose part has ended or failed."""

FAREWELL = 5.0
"""Seconds that all actors have to end."""

PLAIN_INTERVAL = 2.0
"""Seconds between two lines of the same actor in a log."""

REFRESHES = 4
"""Updates per second on a terminal."""

Tell = Callable[[str], object]
"""Sets the text of an actor's line."""


class Actor(Protocol):
    """An actor, which plays its part in a thread of its own."""

    name: str

    def run(self, tell: Tell) -> None:
        """Play until the part is over. Raises the error that ended it."""

    def close(self) -> None:
        """Stop playing soon. From another thread."""


class Board:
    """The texts of all lines.

    :param changed: called with the name and the new text of a line, in any thread.
    """

    def __init__(self, names: Sequence[str], changed: Callable[[str, str], object] = lambda name, text: None) -> None:
        self._lock = threading.Lock()
        self._lines = dict.fromkeys(names, "")
        self._changed = changed

    def tell(self, name: str, text: str) -> None:
        """Set the text of a line. Control characters in it are escaped here."""
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
    """All actors, each in a thread. An actor that has ended starts again.

    :param pause: seconds before it starts again.
    """

    def __init__(self, actors: Sequence[Actor], board: Board, pause: float = PAUSE) -> None:
        self._actors = actors
        self._board = board
        self._pause = pause
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start all actors."""
        for actor in self._actors:
            thread = threading.Thread(target=self._perform, args=(actor,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> bool:
        """Close all actors. Returns True if they have ended within :data:`FAREWELL`."""
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
    """Prints a line for each change, but not too many for one actor.

    :ivar failure: the error after which nothing can be printed any more, because the reader of a pipe has ended.
    """

    def __init__(self, clock: Callable[[], float], over: threading.Event) -> None:
        self.failure: OSError | None = None
        self._clock = clock
        self._over = over
        self._last: dict[str, float] = {}

    def changed(self, name: str, text: str) -> None:
        """Print the line, unless the last one of this actor is too recent."""
        now = self._clock()
        if self.failure is not None or now - self._last.get(name, -PLAIN_INTERVAL) < PLAIN_INTERVAL:
            return
        self._last[name] = now
        try:
            click.echo(f"{name}: {text}")
        except OSError as error:  # raised in the thread of an actor, which cannot end the program
            self.failure = error
            self._over.set()


@contextmanager
def shown(
    names: Sequence[str], is_terminal: bool, over: threading.Event, clock: Callable[[], float] = time.monotonic
) -> Iterator[Board]:
    """Show a board while the ``with`` lasts.

    :param over: set when the output cannot be written any more.
    :raises OSError: at the end, for that reason.
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
