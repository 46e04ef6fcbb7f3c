"""Commands and answers as lines (command protocol, sections 1 and 2)."""

from __future__ import annotations

from typing import Any, NamedTuple

from netd.command.commands import COMMAND_ID, ID
from netd.errors import ProtocolError
from netd.wire.jsontext import BadJSON, check_numbers, decode_object, encode

__all__ = ["OLD_ANSWER", "NotACommand", "Request", "failure", "is_whole", "read_request", "success"]

OLD_ANSWER = 1024
"""Bytes of an answer, its newline included, that a program of the first dialect reads."""

LONGEST_ID = 64

_SUCCESS = b'{"status":"success"}\n'


class NotACommand(ProtocolError):
    """A line that is no command; the message says why, and what is.

    :ivar id: its ``id``, where that much could be read.
    """

    kind = "not a command"

    def __init__(self, why: str, id: int | str | None = None) -> None:
        super().__init__(why)
        self.id = id


class Request(NamedTuple):
    """A line that is a command.

    :ivar id: what the program chose; None in the first dialect.
    :ivar members: the whole object.
    """

    command_id: str
    id: int | str | None
    members: dict[str, Any]


def read_request(line: bytes) -> Request:
    """The command in *line*.

    :raises NotACommand: when it is none.
    """
    try:
        members = decode_object(line)
    except BadJSON as error:
        raise NotACommand(
            f'{error}; a command is one JSON object in one line, such as {{"command_id": "test_command"}}'
        ) from None
    command_id, request_id = members.get(COMMAND_ID), _read_id(members)
    if not isinstance(command_id, str):
        why = "is missing" if COMMAND_ID not in members else "is not text"
        raise NotACommand(f"`{COMMAND_ID}` {why}: it names the command to run", request_id)
    return Request(command_id, request_id, members)


def _read_id(members: dict[str, Any]) -> int | str | None:
    if ID not in members:
        return None
    found = members[ID]
    if not isinstance(found, int | str) or isinstance(found, bool) or len(str(found)) > LONGEST_ID:
        raise NotACommand(f"`{ID}` is a whole number or a text of at most {LONGEST_ID} characters")
    return found


def is_whole(text: bytes) -> bool:
    """Whether *text*, which has no newline, is a JSON object already: then it needs none."""
    if not text.rstrip().endswith(b"}"):
        return False
    try:
        decode_object(text)
    except BadJSON:
        return False
    return True


def success(request_id: object, result: object, limit: int) -> bytes:
    """The answer that carries *result*, if that is not None.

    :param request_id: None in the first dialect.
    :param limit: bytes of the whole line.
    :raises BadJSON: when *result* cannot be JSON, or the line would be too long; the text says which.
    """
    if result is None and request_id is None:
        return _SUCCESS
    answer: dict[str, Any] = {} if request_id is None else {ID: request_id}
    answer["status"] = "success"
    if result is not None:
        answer["result"] = result
    line = encode(answer) + b"\n"
    if b"null" in line:  # as NaN becomes
        check_numbers(result)
    if len(line) > limit:
        remedy = f"give the command an `{ID}`, or return less" if request_id is None else "return less, or raise `max_answer`"
        raise BadJSON(f"makes an answer of {len(line)} bytes, where at most {limit} are sent; {remedy}")
    return line


def failure(request_id: object, why: str, limit: int) -> bytes:
    """The answer that says *why* there is no result, cut to *limit* bytes."""
    answer: dict[str, Any] = {} if request_id is None else {ID: request_id}
    text = why.encode("utf-8", "backslashreplace").decode()[:limit]
    while len(line := encode({**answer, "status": "error", "error": text}) + b"\n") > limit:
        text = text[: len(text) * 3 // 4] + "…"
    return line
