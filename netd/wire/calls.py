"""What a wire asks of other services: it calls the operations that people call, as a principal of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netd.codec.jsontext import encode, to_plain
from netd.console.dispatch import Dispatcher
from netd.errors import NetdError
from netd.operations import Caller
from netd.reaction.condition import value_of
from netd.reaction.outcome import answer_of

__all__ = ["WireCalls"]

DEADLINE = 10.0
"""Seconds that a device has to answer."""

GOOD = ("sent", "acknowledged")


@frozen
class WireCalls:
    """Calls operations for the peers of a wire.

    :ivar caller: the wire.
    """

    dispatcher: Dispatcher
    caller: Caller

    def run(self, function: str, values: Mapping[str, Any], answer: Callable[[str | None, str], object]) -> None:
        """Run *function* of ``[command]`` and tell its result, as text."""
        where = _target(function)
        called = self.dispatcher.call("command.run", {**where, "arguments": dict(values)}, self.caller)
        called.addCallback(lambda result: _text(value_of(result, "result")))
        _tell(called, answer)

    def send(self, target: str, text: str, answer: Callable[[str | None, str], object]) -> None:
        """Send *text* to the device *target* and tell what it answers."""
        arguments = {"target": target, "text": text, "deadline": DEADLINE}
        sent = self.dispatcher.call("relay.send", arguments, self.caller)
        sent.addCallback(_answer)
        _tell(sent, answer)

    def send_to_wire(self, instance: str, target: str, text: str, answer: Callable[[str | None, str], object]) -> None:
        """Send *text* to a peer of another wire and tell what it answers."""
        arguments = {"instance": instance, "name": target, "text": text}
        sent = self.dispatcher.call("wire.send", arguments, self.caller)
        sent.addCallback(lambda result: str(value_of(result, "answer") or ""))
        _tell(sent, answer)


def _target(function: str) -> dict[str, str]:
    instance, dot, name = function.rpartition(".")
    return {"instance": instance, "command_id": name} if dot else {"command_id": name}


def _tell(called: Deferred[str], answer: Callable[[str | None, str], object]) -> None:
    def failed(failure: Failure) -> None:
        failure.trap(NetdError)
        answer(None, str(failure.value))

    called.addCallbacks(lambda text: answer(text, ""), failed)


def _answer(result: object) -> str:
    status = value_of(result, "status")
    if status not in GOOD:
        raise _NotDone(str(value_of(result, "error") or status))
    answer = answer_of(result)
    return "" if answer is None else answer.decode(errors="replace")


class _NotDone(NetdError):
    """A device was not told."""


def _text(value: object) -> str:
    return value if isinstance(value, str) else encode(to_plain(value)).decode()
