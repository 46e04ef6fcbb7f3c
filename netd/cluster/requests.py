"""The requests that this node has sent to others, and for whose answers it waits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred

from netd.cluster.interfaces import LinkLost, NoAnswer, NobodyThere

__all__ = ["Requests"]


class Requests:
    """Requests by the subject to which their answers are sent: the inbox of this node, and a number.

    :param inbox: the subject before the number.
    :param call_later: of the reactor.
    """

    def __init__(self, inbox: str, call_later: Callable[..., Any]) -> None:
        self._inbox = inbox
        self._call_later = call_later
        self._numbers = count()
        self._waiting: dict[str, tuple[Deferred[bytes], Any]] = {}

    @property
    def pattern(self) -> str:
        """The subjects of all answers."""
        return f"{self._inbox}.*"

    def add(self, subject: str, seconds: float) -> tuple[str, Deferred[bytes]]:
        """Return the reply subject of a new request to *subject*, and the Deferred of its answer."""
        reply = f"{self._inbox}.{next(self._numbers)}"
        answer: Deferred[bytes] = Deferred(lambda _: self.forget(reply))
        late = NoAnswer(f"{subject}: no answer within {seconds:g} s")
        self._waiting[reply] = (answer, self._call_later(seconds, self._fail, reply, late))
        return reply, answer

    def take(self, subject: str, body: bytes, reply: str, is_nobody: bool) -> None:
        """Take an answer, or the server's word that there is nobody to give one. Answers that nobody waits for are ignored."""
        if is_nobody:
            self._fail(subject, NobodyThere("nobody is there to answer; nothing was handed over"))
            return
        waiting = self._forget(subject)
        if waiting is not None:
            waiting.callback(body)

    def forget(self, reply: str) -> None:
        """Wait no more for the answer to a request."""
        self._forget(reply)

    def lose(self, unsent: set[str], reason: str) -> None:
        """Fail all: the connection has ended.

        :param unsent: the reply subjects of requests that were certainly not sent.
        """
        for reply in list(self._waiting):
            known = "nothing was sent" if reply in unsent else "what became of the request is not known"
            self._fail(reply, LinkLost(f"NATS was lost ({reason}); {known}", reply not in unsent))

    def _fail(self, reply: str, error: Exception) -> None:
        waiting = self._forget(reply)
        if waiting is not None:
            waiting.errback(error)

    def _forget(self, reply: str) -> Deferred[bytes] | None:
        answer, timer = self._waiting.pop(reply, (None, None))
        if timer is not None and timer.active():
            timer.cancel()
        return answer
