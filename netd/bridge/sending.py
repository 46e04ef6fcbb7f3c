"""Sends the messages of a bridge: it calls the operations that people call, as a principal of its own."""

from __future__ import annotations

from collections.abc import Mapping
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
from netd.reaction.delivery import DeliveryFailed
from netd.reaction.sending import SENDING

__all__ = ["BridgeCalls"]

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
        kind = SENDING[target.kind]
        arguments = {**kind.arguments(target.device, parcel.content.encode(errors="replace")), **kind.unawaited}
        sent = self._call(kind.operation, instance=target.instance, **arguments)
        return sent.addCallback(kind.outcome).addCallback(_check)

    def _call(self, operation: str, /, **arguments: Any) -> Deferred[Any]:
        return self.dispatcher.call(operation, arguments, self.caller).addErrback(_failed)


def _check(outcome: Mapping[str, Any]) -> None:
    """See whether the device was told.

    :raises DeliveryFailed: if it was not.
    """
    if outcome["status"] not in DELIVERED:
        raise DeliveryFailed(f"the device was not told: {outcome.get('error') or outcome['status']}", may_pass=False)


def _failed(failure: Failure) -> None:
    if not isinstance(failure.value, NetdError):
        failure.raiseException()  # a fault of netd's own, which the log tells
    raise DeliveryFailed(str(failure.value), may_pass=False)
