"""Messages to devices, of bridges and of topics: the kinds that have devices, the operation of each, and its result.

Pure.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from netd.errors import OperationFailed
from netd.reaction.condition import value_of
from netd.reaction.outcome import answer_of

__all__ = ["SENDING", "DeviceSending"]

DEADLINE = 10.0
"""Seconds for which a message waits for its device, and for the answer. What was true then may not be true hours later."""


@frozen
class DeviceSending:
    """How messages reach the devices of one kind.

    :ivar operation: the operation that sends them.
    :ivar named: the member of a presence that has the name by which the operation knows the device.
    :ivar arguments: returns the arguments of the operation for a device and a payload.
    :ivar outcome: returns what became of the message, from the result of the operation.
    :ivar unawaited: the arguments of a sender that has no use for an answer.
    """

    operation: str
    named: str
    arguments: Callable[[str, bytes], dict[str, Any]]
    outcome: Callable[[Any], dict[str, Any]]
    unawaited: Mapping[str, Any] = {}


def _to_device(device: str, payload: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {"target": device, "deadline": DEADLINE}
    try:
        return found | {"text": payload.decode()}
    except UnicodeDecodeError:
        return found | {"base64": b64encode(payload).decode()}


def _from_device(result: Any) -> dict[str, Any]:
    """Return what became of a message. Of a device on another node, the result is plain JSON."""
    found: dict[str, Any] = {"status": value_of(result, "status")}
    error, answer = value_of(result, "error"), answer_of(result)
    if isinstance(error, str):
        found["error"] = error
    if answer is not None:
        try:
            found["answer"] = answer.decode()
        except UnicodeDecodeError:
            found["base64"] = b64encode(answer).decode()
    return found


def _to_peer(peer: str, payload: bytes) -> dict[str, Any]:
    try:
        return {"name": peer, "text": payload.decode()}
    except UnicodeDecodeError:
        raise OperationFailed("the payload is no text in UTF-8, and a wire is sent text") from None


def _from_peer(result: Any) -> dict[str, Any]:
    answer = str(value_of(result, "answer") or "")
    return {"status": "acknowledged", "answer": answer} if answer else {"status": "sent"}


SENDING: Mapping[str, DeviceSending] = {
    "relay": DeviceSending("relay.send", "device", _to_device, _from_device, {"wait": False}),
    "wire": DeviceSending("wire.send", "name", _to_peer, _from_peer),
}
"""The kinds to whose devices bridges and topics may send messages."""
