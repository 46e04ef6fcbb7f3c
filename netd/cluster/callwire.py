"""Calls of operations between nodes, as bytes: a request, and an answer in one part or several.

A request is two lines of JSON: the caller that this node vouches for, and the request of JSON-RPC. An answer is one of JSON-RPC,
or, where that is long, a part of it: a line that tells the place of the part, and its bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from netd.codec.jsontext import BadJSON, decode, decode_object, encode
from netd.codec.jsontypes import bind
from netd.errors import InvalidArguments, ProtocolError
from netd.message import NAME
from netd.operations import Argument

__all__ = [
    "HEAD",
    "LONGEST",
    "LONGEST_NAME",
    "PART",
    "AnswerPart",
    "BadCall",
    "CallHead",
    "MoreHead",
    "Vouched",
    "call_bytes",
    "is_part",
    "more_bytes",
    "part_bytes",
    "read_call",
    "read_part",
]

PART = 1 << 19
"""Bytes of a request, and of a part of an answer. NATS takes messages of 1 MiB."""

LONGEST = 1 << 24
"""Bytes of an answer, as many as clients of the control socket take."""

HEAD = 1 << 17
"""Bytes of the first line of a request, which has the subjects of a confined caller."""

LONGEST_NAME = 512
"""Characters of the name of a caller: it stands in the log and in each event of the audit."""

_MOST_NUMBER = 1 << 53


class BadCall(ProtocolError):
    """Bytes are no call, or no answer to one."""

    kind = "bad call"


@frozen
class Vouched:
    """The caller of an operation, as its node vouches for it.

    :ivar who: its name, in words.
    :ivar role: the name of its role.
    :ivar subjects: the patterns that it is confined to, in the names of its own node; None where it is not confined.
    """

    who: str
    role: str
    subjects: tuple[str, ...] | None


@frozen
class CallHead:
    """The first line of a call.

    :ivar node: the calling node, and *epoch* its process.
    :ivar number: counts the calls of that process, from 1.
    :ivar seconds: for how long the caller waits.
    """

    node: str
    epoch: str
    number: int
    caller: Vouched
    seconds: float


@frozen
class MoreHead:
    """A request for a further part of an answer.

    :ivar begin: the place of the part, in bytes.
    """

    node: str
    epoch: str
    number: int
    begin: int


@frozen
class AnswerPart:
    """A part of an answer. *size* is that of the whole answer, in bytes."""

    size: int
    begin: int
    piece: bytes


_CALL = (
    Argument("node", str),
    Argument("epoch", str),
    Argument("id", int),
    Argument("who", str),
    Argument("role", str),
    Argument("subjects", list[str] | None, None),
    Argument("seconds", float),
)
_MORE = (Argument("node", str), Argument("epoch", str), Argument("id", int), Argument("from", int))


def call_bytes(head: CallHead, request: bytes) -> bytes:
    """Return the body of a call."""
    caller = head.caller
    told: dict[str, Any] = {"node": head.node, "epoch": head.epoch, "id": head.number, "who": caller.who, "role": caller.role}
    if caller.subjects is not None:
        told["subjects"] = caller.subjects
    return b"%b\n%b" % (encode(told | {"seconds": head.seconds}), request)


def more_bytes(head: MoreHead) -> bytes:
    """Return the body of a request for a further part."""
    return encode({"node": head.node, "epoch": head.epoch, "id": head.number, "from": head.begin})


def read_call(body: bytes) -> tuple[CallHead | MoreHead, bytes]:
    """Return the head of a request, and the request of JSON-RPC. Members that are not known are ignored.

    :raises BadCall: if *body* is no request.
    """
    line, _, request = body.partition(b"\n")
    if len(body) > 2 * PART or len(line) > HEAD:
        raise BadCall(f"a request of {len(body)} bytes is too long")
    try:
        told = decode_object(line)
        known = bind(_MORE if "from" in told else _CALL, _known(told))
    except (BadJSON, InvalidArguments) as error:
        raise BadCall(str(error)) from None
    node, epoch, number = known["node"], known["epoch"], known["id"]
    if not (NAME.fullmatch(node) and NAME.fullmatch(epoch) and 0 < number < _MOST_NUMBER):
        raise BadCall("the calling node has no name, or the call no number")
    if "from" in known:
        return MoreHead(node, epoch, number, known["from"]), b""
    subjects = known["subjects"]
    if len(known["who"]) > LONGEST_NAME or not known["who"].isprintable():
        raise BadCall("the name of the caller is no line, or too long")
    caller = Vouched(known["who"], known["role"], None if subjects is None else tuple(subjects))
    return CallHead(node, epoch, number, caller, known["seconds"]), request


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    names = [argument.name for argument in (_MORE if "from" in told else _CALL)]
    return {name: told[name] for name in names if name in told}


def part_bytes(answer: bytes, begin: int) -> bytes:
    """Return the part of *answer* at the place *begin*; a short answer is its only part, and begins without a line."""
    if len(answer) <= PART:
        return answer
    return b'{"size":%d,"from":%d}\n%b' % (len(answer), begin, answer[begin : begin + PART])


def is_part(body: bytes) -> bool:
    """Return True if *body* is one part of several, and not a whole answer."""
    return body.startswith(b'{"size":')


def read_part(body: bytes) -> AnswerPart:
    """Return the part of an answer in *body*.

    :raises BadCall: if it is none.
    """
    if not is_part(body):
        return AnswerPart(len(body), 0, body)
    line, _, piece = body.partition(b"\n")
    try:
        told = decode(line)
    except BadJSON as error:
        raise BadCall(str(error)) from None
    size, begin = told.get("size"), told.get("from")
    if type(size) is not int or type(begin) is not int or not 0 <= begin < size <= LONGEST or not piece:
        raise BadCall(f"the line {line!r:.80} does not tell the place of a part")
    return AnswerPart(size, begin, piece)
