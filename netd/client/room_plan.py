"""The plan of a bot in a room, for both ways (``docs/protocols/room.md``)."""

from __future__ import annotations

import inspect
import json
import os
import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from netd.client.room_characters import Character, Heard, find_character
from netd.client.tls import ClientTls
from netd.client.token import ClientToken
from netd.client.way import Connection, Program, Server, W, Way, check_choice, check_port

if TYPE_CHECKING:
    from collections.abc import Awaitable

    AsyncCharacter = Callable[[str, Heard], Awaitable[str]]

__all__ = ["Exchange", "NotConnected", "Refused", "RoomError", "RoomPart", "RoomProgram"]

OLD, NETD = "old", "netd"

GREATEST_NAME = 200
"""Bytes; a server usually takes less."""

GREATEST_REPLY = 500
"""Bytes: what an old bot reads at once."""

GREATEST_MESSAGE = 64 * 1024

GAP = 0.05
"""Seconds of silence after which a message of the old dialect is complete."""

WELCOME_WORDS = "has been suc"

CONFIRMATION_WORDS = "This clients response has been sen"


class RoomError(Exception):
    """Base of everything that went wrong between this bot and the room; ``str()`` of it is fit for a person."""


class NotConnected(RoomError):
    """The room cannot be reached, or its server broke the connection off before the conversation had begun."""


class Refused(RoomError):
    """The server does not let this bot in; the text is the server's."""


class RoomOver(RoomError):
    """The connection has ended: once the conversation has begun, that is the end of the room. Old servers just go away."""


ROOM = Server("the room", NotConnected, RoomOver, RoomOver)


class Exchange(NamedTuple):
    """A message of the room, and the bot's reply to it."""

    heard: Heard
    reply: str


def check_name(name: str) -> bytes:
    """*name* as it travels.

    :raises ValueError: when no server takes it.
    """
    stripped = name.strip()
    if not stripped or any(unicodedata.category(character) in ("Cc", "Cs") for character in stripped):
        raise ValueError(f"{name!r} cannot name a bot: it must be a text without control characters")
    encoded = stripped.encode("utf-8")
    if len(encoded) > GREATEST_NAME:
        raise ValueError(f"a name of {len(encoded)} bytes is too long: at most {GREATEST_NAME}")
    return encoded


def greeting(name: str, dialect: str, token: str | None) -> bytes:
    """What a bot says first."""
    said = name if token is None else json.dumps({"name": name, "token": token})
    return f"{said}\n".encode() if dialect == NETD else said.encode()


class Ear:
    """Makes sense of one message after the other."""

    def __init__(self) -> None:
        self._action = ""
        self.turn = 0

    def hear(self, message: str) -> Heard:
        """Return the content of *message*, which calls for a reply. The first one is the host's."""
        text = message.strip()
        words = text.split() or [""]
        turn = self.turn
        if turn == 0:
            self._action = words[-1][:-1]
        self.turn += 1
        is_confirmation = text.startswith(CONFIRMATION_WORDS)
        speaker = "" if is_confirmation else re.split(r"[: ]", words[0])[0] or "somebody"
        return Heard(text, speaker, self._action, turn, is_confirmation)


def reply_bytes(reply: str, dialect: str) -> bytes:
    """*reply* as it travels: on one line, never empty, and no longer than every bot can read.

    In the old dialect nothing ends it but the silence after it.
    """
    text = " ".join(reply.split()).encode("utf-8", "replace")[:GREATEST_REPLY].decode("utf-8", "ignore") or "…"
    return (text + ("\n" if dialect == NETD else "")).encode("utf-8")


class RoomMessages:
    """Cuts what comes into messages: by newlines, or by silences in the old dialect."""

    def __init__(self, connection: Connection, dialect: str) -> None:
        self._connection = connection
        self._read = self._read_line if dialect == NETD else self._read_until_silence
        self._received = b""

    async def next(self) -> str:
        """The next message.

        :raises RoomOver: when there is none any more.
        """
        return (await self._read()).decode("utf-8", "replace")

    async def _read_line(self) -> bytes:
        while b"\n" not in self._received and len(self._received) < GREATEST_MESSAGE:
            try:
                self._received += await self._connection.receive_by(None)
            except RoomOver:
                if not self._received:
                    raise
                break
        line, newline, self._received = self._received.partition(b"\n")
        return line + newline

    async def _read_until_silence(self) -> bytes:
        message = await self._connection.receive_by(None)
        while len(message) < GREATEST_MESSAGE:
            try:
                received = await self._connection.receive(GAP)
            except RoomOver:
                break  # the next call tells
            if received is None:
                break
            message += received
        return message


class RoomPart:
    """One bot's part in one room, whatever way it goes.

    :ivar welcome: what the server said when it gave the bot a place; empty before.
    """

    def __init__(
        self,
        way: Way,
        host: str,
        port: int,
        name: str,
        character: Any,
        dialect: str,
        on_welcome: Callable[[str], object],
        token: ClientToken,
    ) -> None:
        check_port(port)
        check_choice("dialect", dialect, OLD, NETD)
        self.welcome = ""
        self._way = way
        self._place = (host, port)
        self._name = check_name(name).decode("utf-8")
        self._character = find_character(character)
        self._dialect = NETD if token.is_given else dialect
        self._token = token
        self._on_welcome = on_welcome
        self._ear = Ear()
        self._connection: Connection | None = None
        self._messages: RoomMessages | None = None

    async def next(self) -> Exchange | None:
        """What is heard next, once it is replied to; None when the room is over. The first call takes a place.

        :raises RoomError: when there is no place to be had.
        """
        try:
            messages = self._messages or await self._enter()
            message = await messages.next()
        except RoomOver as error:
            self._over(error)
            return None
        heard = self._ear.hear(message)
        reply = self._character(self._name, heard)
        if inspect.isawaitable(reply):
            reply = await reply
        assert self._connection is not None
        try:
            await self._connection.send(reply_bytes(reply, self._dialect))
        except RoomOver as error:
            self._over(error)
            return None
        return Exchange(heard, reply)

    async def leave(self) -> None:
        """Hang up, once the room has read what was said last."""
        connection, self._connection, self._messages = self._connection, None, None
        if connection is not None:
            await connection.leave()

    async def _enter(self) -> RoomMessages:
        self._ear = Ear()
        token = self._token.read(ROOM)
        self._connection = await self._way.reach(ROOM, *self._place)
        await self._connection.send(greeting(self._name, self._dialect, token))
        messages = RoomMessages(self._connection, self._dialect)
        welcome = await messages.next()
        if len(welcome.split()) == 1:  # old servers ask for the name by one word, USRNM, and welcome afterwards
            welcome = await messages.next()
        self.welcome = welcome.strip()
        self._messages = messages
        self._on_welcome(self.welcome)
        return messages

    def _over(self, error: RoomOver) -> None:
        """The connection has ended by *error*; raises what the program must know about that."""
        if self._way.is_closed:
            return
        if self._messages is None:
            raise NotConnected(f"{error}, before it gave this bot a place") from None
        if not self._ear.turn and WELCOME_WORDS not in self.welcome:  # it said something else, and hung up
            raise Refused(f"the room refused: {self.welcome}")


class RoomProgram(Program[W]):
    """The arguments of a bot in one room, for both ways.

    :param name: its name, unique in its room.
    :param character: the name of one of :data:`CHARACTERS`, or a function of one's own.
    :param dialect: ``"old"`` or ``"netd"``: see the module. With a token it is always the second, which alone can carry one.
    :param on_welcome: called with what the server says when it gives the bot a place: the room need not be full yet.
    :param token: what proves that the bot is *name*: see :class:`netd.client.token.ClientToken`, also for *token_file*.
    :param cafile: the authority of the server's certificate, with which TLS is used: see :class:`netd.client.tls.ClientTls`,
        also for *certificate* and *key*.
    :raises ValueError: when name, port, character, dialect or token cannot be.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that can be chosen
        self,
        host: str,
        port: int,
        name: str,
        character: str | Character | AsyncCharacter = "happy",
        *,
        dialect: str = OLD,
        on_welcome: Callable[[str], object] = lambda welcome: None,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        surroundings: Any = None,
    ) -> None:
        super().__init__(surroundings, ClientTls(cafile, certificate, key))
        self._part = RoomPart(self._way, host, port, name, character, dialect, on_welcome, ClientToken(token, token_file))

    @property
    def welcome(self) -> str:
        """The server's welcome; empty before the bot has a place."""
        return self._part.welcome
