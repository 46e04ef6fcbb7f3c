"""Hellos, in which each node tells the others once a second that it is there: bytes to values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from netd.codec.jsontext import decode_object, encode
from netd.errors import ProtocolError
from netd.message import NAME

__all__ = ["ASPECTS", "MOST", "PROTOCOL", "Hello", "NoHello", "read_hello", "write_hello"]

PROTOCOL = 1
"""The version of the cluster's protocol that this module speaks. Nodes of another one do not join."""

MOST = 2048
"""The longest hello, in bytes."""

ASPECTS = ("wants", "devices", "history", "operations")
"""What another node can be asked for. A hello says the version of each."""

_LARGEST = 1 << 53


class NoHello(ProtocolError):
    """A message is no hello."""

    kind = "bad hello"


@frozen
class Hello:
    """A hello.

    :ivar epoch: names the process of the node.
    :ivar beat: number of the hello, from 1 in each epoch.
    :ivar sent: the time by the wall clock of the node.
    :ivar versions: of what the node can be asked for; see :data:`ASPECTS`.
    :ivar is_last: whether the node leaves.
    :ivar protocol: the version of the cluster's protocol. Of another version nothing else counts but the name.
    """

    node: str
    epoch: str
    beat: int
    sent: float
    versions: Mapping[str, int] = field(factory=dict)
    is_last: bool = False
    protocol: int = PROTOCOL


def write_hello(hello: Hello) -> bytes:
    """Return the body of *hello*."""
    facts = {"v": PROTOCOL, "node": hello.node, "epoch": hello.epoch, "beat": hello.beat, "sent": round(hello.sent, 4)}
    return encode(facts | dict(hello.versions) | ({"left": True} if hello.is_last else {}))


def read_hello(body: bytes) -> Hello:
    """Return the hello in *body*. Members that are not known are ignored.

    :raises NoHello: when *body* is no hello.
    """
    if len(body) > MOST:
        raise NoHello(f"{len(body)} bytes are too many; a hello has at most {MOST}")
    try:
        facts = decode_object(body)
    except ProtocolError as error:
        raise NoHello(str(error)) from None
    protocol, node = _number(facts, "v"), _name(facts, "node")
    if protocol != PROTOCOL:
        return Hello(node, "", 0, 0.0, protocol=protocol)
    versions = {aspect: _number(facts, aspect) for aspect in ASPECTS if aspect in facts}
    return Hello(node, _name(facts, "epoch"), _number(facts, "beat"), _time(facts), versions, facts.get("left") is True)


def _number(facts: Mapping[str, Any], name: str) -> int:
    value = facts.get(name)
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise NoHello(f"{name} is no whole number from 0")
    return value


def _name(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise NoHello(f"{name} is no name of letters, digits, _ and -")
    return value


def _time(facts: Mapping[str, Any]) -> float:
    value = facts.get("sent")
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < _LARGEST:
        raise NoHello("sent is no time")
    return float(value)
