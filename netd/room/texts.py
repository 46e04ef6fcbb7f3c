"""The texts of a room: names, the welcome, the host's sentence, and replies in the form in which they are passed on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from netd.codec.jsontext import decode_object
from netd.codec.token_member import token_in
from netd.errors import ProtocolError
from netd.plaintext import is_text, unpadded

__all__ = [
    "CONFIRMATION",
    "BadName",
    "Flooding",
    "NameTaken",
    "Text",
    "begins_hello",
    "joined",
    "line_of",
    "opening",
    "parse_name",
    "read_hello",
    "readable",
    "welcome",
]

_HELLO = re.compile(rb'\{[ \t]*"').match
"""Matches the beginning of a hello. A JSON object begins so, and no name of a bot does."""


class BadName(ProtocolError):
    """A name that is empty, too long, or not readable text."""

    kind = "bad name"


class NameTaken(ProtocolError):
    """A bot of that name is in the room already.

    :ivar holder: the address of that bot.
    """

    kind = "name taken"

    def __init__(self, message: str, name: str, holder: str) -> None:
        super().__init__(message)
        self.name = name
        self.holder = holder


class Flooding(ProtocolError):
    """A bot sends too much."""

    kind = "flooding"


@frozen
class Text:
    """One message, encoded once for all who get it.

    :ivar plain: for old bots.
    :ivar line: for bots that read lines.
    """

    plain: bytes
    line: bytes

    @classmethod
    def of(cls, plain: bytes) -> Text:
        """*plain*, and the same as one line."""
        lines = plain.splitlines()
        if len(lines) == 1:  # as nearly all replies are
            return cls(plain, unpadded(lines[0]) + b"\n")
        return cls(plain, b" ".join(filter(None, map(unpadded, lines))) + b"\n")


CONFIRMATION = Text.of(b"This clients response has been sendt to the server\n")
"""The message to a bot whose reply was passed on."""


def welcome(name: str, count: int, size: int) -> Text:
    """Return the welcome of a bot that has place *count* of *size*."""
    return Text.of(
        (
            f"\nBot: {name} has been sucessfully connected\n{count}/{size} bots have been connected soo far\n \n"
            "waiting for the rest of the bots to be connected before starting the chat room...."
        ).encode()
    )


def opening(host: str, sentence: str) -> Text:
    """Return the first message of a room, which all bots reply to."""
    return Text.of(f"\n{host}: {sentence}".encode())


def parse_name(said: bytes, limit: int) -> str:
    """Return the name that a bot has sent, without white space and other padding around it.

    :param limit: bytes of a name at most.
    :raises BadName: when it is no name. The message says what one is.
    """
    stripped = unpadded(said)
    if not stripped:
        raise BadName("Your name is empty. Connect again and send a name first.")
    if len(stripped) > limit:
        raise BadName(f"Your name is too long. Connect again with one of at most {limit} bytes.")
    try:
        name = stripped.decode()
    except UnicodeDecodeError:
        raise BadName("Your name is not UTF-8 text. Connect again with one that is.") from None
    if not is_text(name):
        raise BadName("Your name holds control characters. Connect again with one without.")
    if name.isspace():
        raise BadName("Your name is empty. Connect again and send a name first.")
    return name


def begins_hello(said: bytes) -> bool:
    """Return True if *said* is the beginning of a hello, ``{"name": "Ann", "token": "…"}``, and not of a name."""
    return _HELLO(unpadded(said)) is not None


def read_hello(line: bytes) -> tuple[bytes, str | None]:
    """Return name and token of a newer bot's first *line*: those in its hello, or the whole line if it is a name.

    :raises BadName: when it is a broken hello.
    """
    if not begins_hello(line):
        return line, None
    try:
        members = decode_object(unpadded(line))
        token = token_in(members)
    except ProtocolError as error:
        raise BadName(f'Your hello is wrong: {error}. It is one line, {{"name": "Ann", "token": "…"}}.') from None
    name = members.get("name", "")
    if not isinstance(name, str):
        raise BadName("Your hello is wrong: `name` is a text.")
    return name.encode(errors="replace"), token


def readable(reply: bytes, limit: int) -> bytes:
    """Return *reply* as it is passed on: valid UTF-8, over which no bot fails, and at most *limit* bytes of whole characters."""
    text = reply.decode(errors="replace").encode()
    return text if len(text) <= limit else text[:limit].decode(errors="ignore").encode()


def joined(replies: Sequence[bytes], limit: int) -> bytes:
    """*replies* as one message of at most *limit* bytes; where they are longer, each is cut to an equal part of it."""
    texts = [unpadded(readable(reply, limit)) for reply in replies]
    if sum(map(len, texts)) + len(texts) - 1 > limit:
        part = max(limit // len(texts) - 1, 1)
        texts = [readable(text, part) for text in texts]
    return b"\n".join(texts)[:limit]


def line_of(said: bytes, limit: int) -> bytes:
    """One line of a bot as others get it in a room without turns, its newline included; white space around it is left out."""
    if said.isascii() and len(said) <= limit:
        return unpadded(said) + b"\n"
    return Text.of(readable(unpadded(said), limit)).line
