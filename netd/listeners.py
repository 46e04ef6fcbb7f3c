"""All endpoints that one service listens on: opened together, closed together, and exchanged while connections stay open.

An exchange compares descriptions. An endpoint that both configurations describe in the same words stays as it is. A new one is
opened before the old ones are closed, because opening is what can fail. Where netd itself still has the address (``tcp:5050``
instead of ``loopback:5050``, or two services that exchange their ports), the new endpoint waits until the old one is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.logger import Logger

from netd.change import Change
from netd.config.foresight import objection
from netd.listener import CannotListen, HeldByNetd, Listener

__all__ = ["LISTEN", "Listeners"]

LISTEN = "listen"
"""The option that describes the endpoints."""


class Listeners:
    """The endpoints of one service that are open, in the order of the configuration.

    :param make: makes the listener of one description; it is not open yet.
    :param give_up: closes a listener in an exchange, and returns what has to be waited for: Deferreds.
    """

    _log = Logger()

    def __init__(self, make: Callable[[str], Listener], give_up: Callable[[Listener], list[Any]]) -> None:
        self._make = make
        self._give_up = give_up
        self._listeners: dict[str, Listener] = {}

    def __iter__(self) -> Iterator[Listener]:
        """The listeners."""
        return iter(self._listeners.values())

    def __len__(self) -> int:
        return len(self._listeners)

    def open(self, descriptions: Iterable[str]) -> None:
        """Listen on every endpoint.

        :raises CannotListen: for the first endpoint on which that is not possible.
        :raises HeldByNetd: for the first endpoint that netd itself has, if there is no other reason why not.
        """
        held: HeldByNetd | None = None
        for description in descriptions:
            listener = self._listeners[description] = self._make(description)
            try:
                listener.open()
            except HeldByNetd as error:
                held = held or error
        if held is not None:
            raise held

    def close(self) -> list[Any]:
        """Stop listening; what has to be waited for: Deferreds."""
        listeners, self._listeners = self._listeners, {}
        return [closed for listener in listeners.values() for closed in listener.close()]

    def prepare(self, descriptions: tuple[str, ...], change: Change) -> None:
        """Open those of *descriptions* that are not open yet; the others are closed when *change* is applied."""
        opened: dict[str, Listener] = {}
        waiting: list[str] = []
        change.when_discarded(
            lambda: change.released.extend(closed for listener in opened.values() for closed in listener.close())
        )
        change.when_applied(lambda: change.released.extend(self._exchange(descriptions, opened)))
        for description in descriptions:
            why = "" if description in self._listeners else self._open_or_wait(description, opened, waiting)
            if why:
                change.refuse(LISTEN, why)
        if waiting:
            change.when_free(lambda: self._open_late(waiting, change))

    def _open_or_wait(self, description: str, opened: dict[str, Listener], waiting: list[str]) -> str:
        """Open *description*, or see that this can be done later; why neither can be done, or nothing."""
        listener = self._make(description)
        try:
            listener.open()
        except HeldByNetd:
            listener.close()
            waiting.append(description)
            return objection(description)
        except CannotListen as error:
            listener.close()
            return error.why
        opened[description] = listener
        return ""

    def _exchange(self, descriptions: tuple[str, ...], opened: dict[str, Listener]) -> list[Any]:
        known = self._listeners | opened
        self._listeners = {description: known.pop(description) for description in descriptions if description in known}
        return [closed for listener in known.values() for closed in self._give_up(listener)]

    def _open_late(self, descriptions: list[str], change: Change) -> None:
        for description in descriptions:
            listener = self._make(description)
            try:
                listener.open()
            except CannotListen as error:
                listener.close()
                self._log.error("{error}", error=error)
                change.failures.append(str(error))
            else:
                self._listeners[description] = listener
