"""What goes between a command server and its clients: lines of JSON (``docs/protocols/command.md``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from netd.client.token import Denial

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer."""

OLD_ANSWER = 64 * 1024
"""Bytes of an answer that may do without a newline."""

LIST = "command.list"
RESERVED = ("command_id", "id")

TOKEN = "token"  # noqa: S105 - the word for it
"""The member that carries a token."""

GREATEST_PROOF = 4096
"""Bytes of a command with a token, at most: a server takes no longer one of a program that has not proved who it is."""


class CommandError(Exception):
    """Base of everything that went wrong with a command; ``str()`` of it is fit for a person."""


class NotConnected(CommandError):
    """The server cannot be reached, or this client was closed. Nothing was sent."""


class ConnectionLost(CommandError):
    """The connection ended before the answer. Whether the command was carried out is unknown."""


class NotInTime(CommandError):
    """No answer came in time. Whether the command is carried out is unknown."""


class BadAnswer(CommandError):
    """What came is no answer."""


class CommandFailed(CommandError):
    """The server answered that it failed; the text is the server's.

    :ivar answer: the whole answer.
    """

    def __init__(self, error: str, answer: dict[str, Any]) -> None:
        super().__init__(error)
        self.answer = answer


class Denied(CommandFailed, Denial):
    """The server does not let this program run the command. The text says why, and what it takes."""


def command_line(members: object) -> bytes:
    """The line that carries a command.

    :raises TypeError: when something in it cannot be JSON.
    :raises ValueError: likewise, for NaN and what contains itself.
    """
    return json.dumps(members, allow_nan=False).encode("ascii") + b"\n"


def command_members(command_id: str, arguments: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """The object of a command, still without an id.

    :raises ValueError: when an argument has a name that is the protocol's.
    """
    given = {**(arguments or {}), **more}
    taken = [name for name in RESERVED if name in given]
    if taken:
        raise ValueError(f"{taken[0]}: no argument can have this name, it is the protocol's own")
    return {"command_id": command_id, **given}


def result_of(answer: dict[str, Any]) -> Any:
    """The ``result`` in *answer*; None where it has none.

    :raises CommandFailed: when it says that the command failed; :class:`Denied` when this program may not run it.
    """
    if answer.get("status") == "success":
        return answer.get("result")
    failed = Denied if answer.get("denied") is True else CommandFailed
    raise failed(str(answer.get("error") or f"the server gave no reason (status {answer.get('status')!r})"), answer)


class AnswerDecoder:
    """Cuts a byte stream into answers. An object without a newline after it is an answer too: old servers send that."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._searched = 0

    def feed(self, received: bytes) -> None:
        """Take in bytes as they came."""
        self._received += received

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come behind the last answer."""
        return not self._received.strip()

    def next_answer(self) -> dict[str, Any] | None:
        """The next answer, or None while it is not complete.

        :raises BadAnswer: when a line is none, or is too long.
        """
        while self._received[:1].isspace():
            del self._received[:1]
        end = self._received.find(b"\n", self._searched)
        if end >= 0:
            return self._take(end)
        if len(self._received) <= OLD_ANSWER and self._received.endswith(b"}"):
            try:
                return self._take(len(self._received))
            except BadAnswer:
                return None  # not all of it has come
        if len(self._received) > MAX_ANSWER:
            raise BadAnswer(f"an answer of more than {MAX_ANSWER} bytes")
        self._searched = len(self._received)
        return None

    def _take(self, end: int) -> dict[str, Any]:
        text = bytes(self._received[:end])
        try:
            answer = json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise BadAnswer(f"not an answer: {text[:200]!r}; is that the port of a command server?")
        del self._received[: end + 1]
        self._searched = 0
        return answer


def is_for(number: int, answer: dict[str, Any]) -> bool:
    """Whether *answer* is that to command *number*: one without an id is, as there is but one outstanding."""
    return bool(answer.get("id", number) == number)
