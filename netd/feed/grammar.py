"""The messages of the feed's clients, in both dialects, and the answers of the second one (feed protocol)."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

from attrs import field, frozen

from netd.codec.jsontext import decode_object, encode
from netd.codec.token_member import TOKEN, BadToken, token_in
from netd.errors import ProtocolError
from netd.feed.rounds import TYPES
from netd.redaction import without_token_texts

__all__ = [
    "SUBPROTOCOL",
    "BadFeedRequest",
    "BlockReport",
    "Named",
    "Remark",
    "Said",
    "Subscribe",
    "bearer_token",
    "encode_block",
    "read_request",
    "read_words",
]

SUBPROTOCOL = "netd.feed.v1"

MAX_BLOCK = 1000
"""Samples in one block."""

MAX_TYPES = 32
MAX_NAME = 63
MAX_REPORT = 400
"""Characters of a report; no name is so long that one needs more."""

_NUMBER = r"(?P<seconds>[0-9]{1,12}(?:\.[0-9]{0,20})?(?:e[-+]?[0-9]{1,3})?)"
_CONNECTED = re.compile(r"\s*connected with (?P<name>\S.*?)\s*", re.IGNORECASE)
_REPORTS = (
    re.compile(
        rf"\s*client (?P<name>\S.*?) received block number (?P<block>[0-9]{{1,9}}) in time {_NUMBER}(?: \S{{1,10}})?\s*", re.I
    ),
    re.compile(rf"\s*client (?P<name>\S.*?) received (?P<block>[0-9]{{1,9}}) blocks? in {_NUMBER}(?: \S{{1,10}})?\s*", re.I),
)


class BadFeedRequest(ProtocolError):
    """A message of the second dialect cannot be followed."""

    kind = "bad request"


@frozen
class Named:
    """A client gives its name."""

    name: str


@frozen
class BlockReport:
    """A client has received a block.

    :ivar name: the client's, or ``""`` where it says none here.
    :ivar block: its number.
    :ivar seconds: how long it took.
    """

    name: str
    block: int
    seconds: float


@frozen
class Remark:
    """A client sends any other text."""

    text: str


@frozen
class Subscribe:
    """The request of a second-dialect client. None, or empty, leaves the choice to the feed.

    :ivar types: types of values, or subject patterns; empty for all.
    :ivar block: samples in a message; 1 sends each by itself.
    :ivar token: what proves who the client is, if it says so.
    """

    name: str = ""
    types: tuple[str, ...] = ()
    block: int = 1
    interval: float | None = None
    locale: str | None = None
    seed: int | None = None
    token: str | None = field(default=None, repr=False)


Said = Named | BlockReport | Remark | Subscribe


def read_words(text: str) -> Said:
    """Parse a message of the first dialect. A message that is neither a name nor a report is a remark."""
    if len(text) <= MAX_REPORT:
        connected = _CONNECTED.fullmatch(text)
        if connected is not None:
            return Named(connected["name"])
        for pattern in _REPORTS:
            report = pattern.fullmatch(text)
            if report is not None:
                seconds = float(report["seconds"])
                if math.isfinite(seconds):
                    return BlockReport(report["name"], int(report["block"]), seconds)
    return Remark(without_token_texts(text))


def read_request(payload: bytes) -> Said:
    """Parse a message of the second dialect.

    :raises ProtocolError: when it is none. The message says what is wrong.
    """
    request = decode_object(payload)
    if "subscribe" in request:
        return _read_subscribe(_Members("subscribe", request))
    if "report" in request:
        members = _Members("report", request)
        return BlockReport("", members.integer("block", 0, 10**9), members.seconds("seconds"))
    if isinstance(request.get("remark"), str):
        return Remark(without_token_texts(request["remark"]))
    raise BadFeedRequest("a request is an object with one of `subscribe`, `report` and `remark`")


def bearer_token(header: str | None) -> str | None:
    """Return the token in a header ``Authorization: Bearer …``; None where there is no such header.

    :raises BadToken: when the header holds anything else.
    """
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BadToken("a feed takes `Authorization: Bearer TOKEN`, and nothing else there")
    return token_in({TOKEN: token.strip()})


def _read_subscribe(members: _Members) -> Subscribe:
    return Subscribe(
        members.text("name", ""),
        members.words("types"),
        members.integer("block", 1, MAX_BLOCK) if "block" in members else 1,
        members.seconds("interval") if "interval" in members else None,
        members.text("locale", "") or None,
        members.integer("seed", 0, 2**63) if "seed" in members else None,
        members.token(),
    )


@frozen
class _Members:
    """The members of one part of a request, each read with its name in the complaint."""

    part: str
    _request: dict[str, Any]
    _members: dict[str, Any] = field(init=False)
    MISSING: ClassVar[object] = object()

    def __attrs_post_init__(self) -> None:
        members = self._request[self.part]
        if not isinstance(members, dict):
            raise BadFeedRequest(f"`{self.part}` is an object")
        object.__setattr__(self, "_members", members)

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def text(self, name: str, default: str) -> str:
        value = self._members.get(name, default)
        if not isinstance(value, str) or len(value) > MAX_NAME:
            raise self._wrong(name, f"a text of at most {MAX_NAME} characters")
        return value

    def token(self) -> str | None:
        return token_in(self._members)

    def words(self, name: str) -> tuple[str, ...]:
        value = self._members.get(name) or []
        if not isinstance(value, list) or len(value) > MAX_TYPES or not all(isinstance(word, str) for word in value):
            raise self._wrong(name, f"a list of at most {MAX_TYPES} texts")
        return tuple(dict.fromkeys(value))

    def integer(self, name: str, least: int, greatest: int) -> int:
        value = self._members.get(name)
        if type(value) is not int or not least <= value <= greatest:
            raise self._wrong(name, f"a whole number from {least} to {greatest}")
        return value

    def seconds(self, name: str) -> float:
        value: Any = self._members.get(name)
        if type(value) not in (int, float) or not 0 <= value < 1e9:
            raise self._wrong(name, "a number of seconds, 0 or more")
        return float(value)

    def _wrong(self, name: str, what: str) -> BadFeedRequest:
        return BadFeedRequest(f"`{self.part}.{name}` is {what}")


def check_types(types: tuple[str, ...]) -> None:
    """Refuse types that are not made.

    :raises BadFeedRequest: naming the types that are made.
    """
    unknown = next((word for word in types if word not in TYPES), None)
    if unknown is not None:
        raise BadFeedRequest(f"there is no type {unknown!a}; there are {', '.join(TYPES)}")


def encode_block(number: int, seconds: float, samples: list[bytes]) -> bytes:
    """A block: *samples* are JSON already."""
    return b'{"block":%d,"seconds":%b,"samples":[%b]}' % (number, encode(round(seconds, 6)), b",".join(samples))
