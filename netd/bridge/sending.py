"""Sends the messages of a bridge: it calls the operations that people call, as a principal of its own."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from netd.bridge.grammar import Destination
from netd.bridge.making import BridgeMessage
from netd.console.dispatch import Dispatcher
from netd.errors import NetdError
from netd.operations import Caller
from netd.reaction.actions import Publish, Run
from netd.reaction.condition import value_of
from netd.reaction.delivery import DeliveryFailed

__all__ = ["BridgeCalls"]

DEADLINE = 10.0
"""Seconds for which a message waits for a device that is away. What was true then may not be true hours later."""

DELIVERED = ("sent", "acknowledged")


@frozen
class BridgeCalls:
    """Calls operations.

    :ivar caller: the bridge.
    """

    dispatcher: Dispatcher
    caller: Caller

    def attempt(self, target: Destination, parcel: BridgeMessage) -> Deferred[None]:
        """Send *parcel* to *target*. The Deferred fails with :class:`DeliveryFailed`. Nothing is sent twice."""
        if isinstance(target, Publish):
            return self._call("bus.publish", subject=target.subject, data=parcel.content)
        if isinstance(target, Run):
            return self._call("command.run", instance=target.instance, command_id=target.command, arguments=parcel.content)
        to = {"instance": target.instance, "target": target.device}
        sent = self._call("relay.send", **to, text=parcel.content, deadline=DEADLINE, wait=False)
        return sent.addCallback(_check)

    def _call(self, name: str, **arguments: Any) -> Deferred[Any]:
        return self.dispatcher.call(name, arguments, self.caller).addErrback(_failed)


def _check(result: object) -> None:
    """See whether the device was told.

    :raises DeliveryFailed: if it was not.
    """
    status = value_of(result, "status")  # of a relay on another node, the result is plain JSON
    if status not in DELIVERED:
        raise DeliveryFailed(f"the device was not told: {value_of(result, 'error') or status}", may_pass=False)


def _failed(failure: Failure) -> None:
    if not isinstance(failure.value, NetdError):
        failure.raiseException()  # a fault of netd's own, which the log tells
    raise DeliveryFailed(str(failure.value), may_pass=False)
