"""Commands and answers as lines (command protocol, sections 1 and 2)."""

from __future__ import annotations

from typing import Any, NamedTuple

from netd.codec.jsontext import (
    MAX_DEPTH,
    BadJSON,
    check_numbers,
    decode_object,
    decode_object_with_nan,
    depth_of,
    encode,
    encode_with_nan,
)
from netd.command.commands import COMMAND_ID, ID
from netd.errors import ProtocolError
from netd.plaintext import unpadded

__all__ = ["OLD_ANSWER", "CommandRequest", "NotACommand", "Spread", "failure", "is_spread", "read_request", "success"]

OLD_ANSWER = 1024
"""Bytes of an answer, with its newline, that a program of the first dialect reads."""

LONGEST_ID = 64

_SUCCESS = b'{"status":"success"}\n'


class NotACommand(ProtocolError):
    """A line is no command. The message says why, and what a command is.

    :ivar id: the ``id`` of the line, if that could be read.
    """

    kind = "not a command"

    def __init__(self, why: str, id: int | str | None = None) -> None:
        super().__init__(why)
        self.id = id


class CommandRequest(NamedTuple):
    """A line that is a command.

    :ivar id: the ``id`` that the program has chosen; None in the first dialect.
    :ivar members: the whole object.
    :ivar named_by: the member that names the command.
    :ivar has_nan: whether it holds a number that JSON does not have. Then its program accepts such numbers, too.
    """

    command_id: str
    id: int | str | None
    members: dict[str, Any]
    named_by: str = COMMAND_ID
    has_nan: bool = False


class Spread:
    """The lines so far of a command that is spread over several, as ``json.dumps(…, indent=2)`` writes it.

    :ivar depth: how many brackets are open.
    :ivar size: the bytes of all lines.
    """

    __slots__ = ("_lines", "depth", "size")

    def __init__(self, line: bytes) -> None:
        self._lines: list[bytes] = []
        self.depth = self.size = 0
        self.add(line)

    def add(self, line: bytes) -> None:
        """Add a line. A JSON string cannot contain a line end, so the brackets of each line can be counted by themselves."""
        self._lines.append(line)
        self.depth += depth_of(line)
        self.size += len(line) + 1

    @property
    def text(self) -> bytes:
        """The lines, joined."""
        return b"\n".join(self._lines)


def is_spread(line: bytes) -> bool:
    """Return True if *line*, which is no command, looks like the first line of one that is spread over several."""
    return line.startswith(b"{") and line.endswith((b"{", b"[", b",")) and 0 < depth_of(line) <= MAX_DEPTH


def read_request(line: bytes, names: tuple[str, ...] = (COMMAND_ID,)) -> CommandRequest:
    """Parse the command in *line*.

    :param names: the members that may name a command. The first one that is present does.
    :raises NotACommand: when the line is none.
    """
    has_nan = False
    try:
        members = decode_object(line)
    except BadJSON as error:
        members, has_nan = _read_with_care(line, error)
    request_id = _read_id(members) if ID in members else None
    if has_nan and request_id is not None:
        raise NotACommand(f"NaN and infinities are no numbers of JSON: only commands without `{ID}` may have them", request_id)
    for named_by in names:
        if named_by in members:
            break
    else:
        missing = " or ".join(f"`{name}`" for name in names)
        raise NotACommand(f"{missing} is missing: it names the command to run", request_id)
    command_id = members[named_by]
    if not isinstance(command_id, str):
        raise NotACommand(f"`{named_by}` is not text: it names the command to run", request_id)
    return CommandRequest(command_id, request_id, members, named_by, has_nan)


def _read_with_care(line: bytes, refusal: BadJSON) -> tuple[dict[str, Any], bool]:
    """Parse a *line* that is not strictly JSON, with the padding and the numbers that programs of the first dialect write.

    :returns: the object, and whether it holds a number that JSON does not have.
    """
    text = unpadded(line)
    try:
        return decode_object(text), False
    except BadJSON as error:
        refusal = error
    try:
        return decode_object_with_nan(text), True
    except BadJSON:
        raise NotACommand(
            f'{refusal}; a command is one JSON object in one line, such as {{"command_id": "test_command"}}'
        ) from None


def _read_id(members: dict[str, Any]) -> int | str:
    found = members[ID]
    if not isinstance(found, int | str) or isinstance(found, bool) or len(str(found)) > LONGEST_ID:
        raise NotACommand(f"`{ID}` is a whole number or a text of at most {LONGEST_ID} characters")
    return found


def success(request_id: object, result: object, limit: int, *, takes_nan: bool = False) -> bytes:
    """Return the answer with *result*; without it if *result* is None.

    :param request_id: the ``id`` of the command; None in the first dialect.
    :param limit: bytes that the line may have.
    :param takes_nan: whether the program accepts numbers that JSON does not have.
    :raises BadJSON: when *result* has no form in JSON, or the line would be too long. The message says which.
    """
    if result is None and request_id is None:
        return _SUCCESS
    answer: dict[str, Any] = {} if request_id is None else {ID: request_id}
    answer["status"] = "success"
    if result is not None:
        answer["result"] = result
    line = (encode_with_nan(answer) if takes_nan else encode(answer)) + b"\n"
    if not takes_nan and b"null" in line:  # as NaN becomes
        check_numbers(result)
    if len(line) > limit:
        remedy = f"give the command an `{ID}`, or return less" if request_id is None else "return less, or raise `max_answer`"
        raise BadJSON(f"makes an answer of {len(line)} bytes, where at most {limit} are sent; {remedy}")
    return line


def failure(request_id: object, why: str, limit: int, is_denied: bool = False) -> bytes:
    """Return the answer that says *why* there is no result, cut to *limit* bytes.

    :param is_denied: whether it is because of who the program is.
    """
    answer: dict[str, Any] = {} if request_id is None else {ID: request_id}
    text = why.encode("utf-8", "backslashreplace").decode()[:limit]
    denied = {"denied": True} if is_denied else {}
    while len(line := encode({**answer, "status": "error", "error": text, **denied}) + b"\n") > limit:
        text = text[: len(text) * 3 // 4] + "…"
    return line
