"""The room's client side, blocking: a :class:`Bot` takes a place in a room, answers in character, and ends with the room.

One file on purpose, standard library only, Python 3.7 or newer: copy it anywhere, ``from room import Bot``.  It imports nothing
of netd and knows no server but by what goes over the wire (``docs/protocols/room.md``). What is pure here serves
:mod:`netd.client.room_asyncio` too.

Two dialects: ``"old"`` is understood by every server, older ones included; in ``"netd"`` all messages are lines, so that it takes
no silence to tell where one ends.

A *character* is any function of a name and a :class:`Heard` that returns a reply; four are shipped (:data:`CHARACTERS`)::

    def echo(name, heard):
        return f"{name}: {heard.text}, you say?"

    Bot("127.0.0.1", 4242, "Lars", echo).run()
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
import unicodedata
from types import MappingProxyType
from typing import Callable, Iterator, Mapping, NamedTuple, Union  # noqa: UP035 - before 3.9, those of collections.abc take no [ ]

__all__ = [
    "BAD",
    "CHARACTERS",
    "GOOD",
    "Bot",
    "Character",
    "Exchange",
    "Heard",
    "NotConnected",
    "Refused",
    "RoomError",
    "curious",
    "grumpy",
    "happy",
    "lazy",
]

OLD, NETD = "old", "netd"

GOOD = frozenset({"hug", "play", "eat", "shop"})
BAD = frozenset({"yell", "steal", "fight"})
"""What hosts propose, and what is to be thought of it. Anything else is good."""

GREATEST_NAME = 200
"""Bytes; a server usually takes less."""

GREATEST_REPLY = 500
"""Bytes: what an old bot reads at once."""

GREATEST_MESSAGE = 64 * 1024
CONNECT_TIMEOUT = 10.0
FAREWELL = 1.0
"""Seconds that hanging up takes at most: until then, the other side may read what was said last, and hang up itself."""

GAP = 0.05
"""Seconds of silence after which a message of the old dialect is complete."""

_WELCOME = "has been suc"
_CONFIRMATION = "This clients response has been sen"


class RoomError(Exception):
    """Base of everything that went wrong between this bot and the room; ``str()`` of it is fit for a person."""


class NotConnected(RoomError):
    """The room cannot be reached, or its server broke the connection off before the conversation had begun."""


class Refused(RoomError):
    """The server does not let this bot in; the text is the server's."""


class Heard(NamedTuple):
    """A message that calls for a reply.

    :ivar text: without white space around it.
    :ivar speaker: who says it, as far as the text tells; empty for a confirmation.
    :ivar action: what the host proposed.
    :ivar turn: 0 for the host's sentence, then one more for each round.
    :ivar is_confirmation: it says that this bot's last reply was passed on to the others.
    """

    text: str
    speaker: str
    action: str
    turn: int
    is_confirmation: bool


Character = Callable[[str, Heard], str]
"""What a bot replies, given its name and what it heard."""


class Exchange(NamedTuple):
    """What was heard, and what was replied to it."""

    heard: Heard
    reply: str


# --- Characters: pure -------------------------------------------------------------------------------------------------


def gerund(action: str) -> str:
    """``hugging`` for ``hug``."""
    if re.search(r"(?:^|[^aeiou])[aeiou][^aeiouwxy]$", action):
        return action + action[-1] + "ing"
    return (action[:-1] if re.search(r"[^aeiou]e$", action) else action) + "ing"


def happy(name: str, heard: Heard) -> str:
    """Finds everything wonderful."""
    if heard.is_confirmation:
        return f"{name}: I am so glad that I could say that!"
    if heard.turn == 0:
        taste = "sounds great! Awesome!" if heard.action not in BAD else "is not nice, but with all of you it might be fun!"
        return f"{name}: I think {gerund(heard.action)} {taste}"
    return f"{name}: {heard.speaker} is right. Let us all {heard.action} together!"


def grumpy(name: str, heard: Heard) -> str:
    """Likes nothing but what is bad."""
    if heard.is_confirmation:
        return f"{name}: Now you have heard it. Leave me alone."
    if heard.turn == 0:
        taste = "At last a good idea!" if heard.action in BAD else "Must that be?"
        return f"{name}: {gerund(heard.action).capitalize()}? {taste}"
    return f"{name}: Who asked {heard.speaker}? Again with the {gerund(heard.action)}!"


def curious(name: str, heard: Heard) -> str:
    """Answers with questions."""
    if heard.is_confirmation:
        return f"{name}: Did everybody hear that?"
    if heard.turn == 0:
        return f"{name}: Why {gerund(heard.action)}, and why today?"
    return f"{name}: What makes you say that, {heard.speaker}?"


def lazy(name: str, heard: Heard) -> str:
    """Would rather not."""
    if heard.is_confirmation:
        return f"{name}: Good. Then I need not say it again."
    if heard.turn == 0:
        return f"{name}: {gerund(heard.action).capitalize()} sounds like work. Maybe tomorrow?"
    return f"{name}: Whatever {heard.speaker} says."


CHARACTERS: Mapping[str, Character] = MappingProxyType({"happy": happy, "grumpy": grumpy, "curious": curious, "lazy": lazy})
"""The characters that are shipped, by name."""


# --- What is said: pure -----------------------------------------------------------------------------------------------


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


def check_arguments(port: int, name: str, dialect: str) -> str:
    """The name of a bot, without white space around it.

    :raises ValueError: when one of these cannot be.
    """
    if not 0 < port < 65536:
        raise ValueError(f"port: {port!r} is not between 1 and 65535")
    if dialect not in (OLD, NETD):
        raise ValueError(f"dialect: {dialect!r} is neither old nor netd")
    return check_name(name).decode("utf-8")


def name_bytes(name: str, dialect: str) -> bytes:
    """*name* as it travels: a newline after it tells the server that this bot reads lines."""
    return (name + ("\n" if dialect == NETD else "")).encode("utf-8")


def find_character(character: Union[str, Character]) -> Character:  # noqa: UP007 - Python 3.7 evaluates it in get_type_hints
    """A character by its name, or as it is.

    :raises ValueError: when no character has that name.
    """
    if not isinstance(character, str):
        return character
    if character not in CHARACTERS:
        raise ValueError(f"no character {character!r}; there are {', '.join(CHARACTERS)}")
    return CHARACTERS[character]


def is_question(message: str) -> bool:
    """Whether a server's first message is one word: old servers ask for the name so (``USRNM``), and welcome afterwards."""
    return len(message.split()) == 1


class Ear:
    """Makes sense of one message after the other."""

    def __init__(self) -> None:
        self._action = ""
        self._turn = 0

    @property
    def is_fresh(self) -> bool:
        """Whether it has heard nothing yet."""
        return self._turn == 0

    def hear(self, message: str) -> Heard:
        """What *message*, one that calls for a reply, says. The first is the host's."""
        text = message.strip()
        words = text.split() or [""]
        turn = self._turn
        if turn == 0:
            self._action = words[-1][:-1]
        self._turn += 1
        is_confirmation = text.startswith(_CONFIRMATION)
        speaker = "" if is_confirmation else re.split(r"[: ]", words[0])[0] or "somebody"
        return Heard(text, speaker, self._action, turn, is_confirmation)


def check_refusal(welcome: str, ear: Ear) -> None:
    """A server that says something else than a welcome, and hangs up, has refused.

    :raises Refused: with its words.
    """
    if ear.is_fresh and _WELCOME not in welcome:
        raise Refused(f"the room refused: {welcome}")


def reply_bytes(reply: str, dialect: str) -> bytes:
    """*reply* as it travels: on one line, never empty, and no longer than every bot can read.

    In the old dialect nothing ends it but the silence after it.
    """
    text = " ".join(reply.split()).encode("utf-8", "replace")[:GREATEST_REPLY].decode("utf-8", "ignore") or "…"
    return (text + ("\n" if dialect == NETD else "")).encode("utf-8")


# --- Sockets ----------------------------------------------------------------------------------------------------------


def open_socket(host: str, port: int) -> socket.socket:
    """A connected TCP socket that sends at once, and notices within some 90 s that the other side is gone without a word.

    :raises OSError: when there is no connection within 10 s.
    """
    connection = socket.create_connection((host, port), CONNECT_TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, amount in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):  # not every system has these
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), amount)
    return connection


def leave(connection: socket.socket, end: float, clock: Callable[[], float]) -> None:
    """Hang up without taking back what was said last, and wake the thread that reads.

    A connection that is closed while something that came is unread is reset, and a reset reaches the other side ahead of what it
    has not read yet. So this says that nothing more follows, and discards what comes until the other side has hung up, too.

    :param end: when to wait no longer, by the clock.
    """
    with contextlib.suppress(OSError):  # the other side was first, or says nothing more
        connection.shutdown(socket.SHUT_WR)
        left = end - clock()
        while left > 0:
            connection.settimeout(left)
            if not connection.recv(65536):
                break
            left = end - clock()
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Wire:
    """Whole messages out of one socket, and replies into it."""

    def __init__(self, connection: socket.socket, dialect: str, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._dialect = dialect
        self._clock = clock
        self._received = b""
        self._timing = threading.RLock()
        self._is_leaving = False

    def write(self, content: bytes) -> None:
        """Hand *content* to the operating system; raises ``OSError``."""
        self._set_timeout(None)
        self._connection.sendall(content)

    def read(self) -> str | None:
        """The next message; waits for it. None at the end; raises ``OSError``."""
        message = self._read_line() if self._dialect == NETD else self._read_until_silence()
        return message.decode("utf-8", "replace") if message else None

    def _read_line(self) -> bytes:
        self._set_timeout(None)
        while b"\n" not in self._received and len(self._received) < GREATEST_MESSAGE:
            received = self._connection.recv(65536)
            if not received:
                rest, self._received = self._received, b""
                return rest
            self._received += received
        line, newline, self._received = self._received.partition(b"\n")
        return line + newline

    def _read_until_silence(self) -> bytes:
        self._set_timeout(None)
        message = self._connection.recv(65536)
        self._set_timeout(GAP)
        try:
            while message and len(message) < GREATEST_MESSAGE:
                received = self._connection.recv(65536)
                if not received:
                    break
                message += received
        except socket.timeout:  # noqa: UP041 - before Python 3.10 these are two
            pass
        return message

    def close(self) -> None:
        """Hang up once the server has read what was said, within a second, and wake the thread that reads. Twice is harmless."""
        with self._timing:
            was_leaving, self._is_leaving = self._is_leaving, True
        if not was_leaving:
            leave(self._connection, self._clock() + FAREWELL, self._clock)

    def _set_timeout(self, seconds: float | None) -> None:
        """How long the next call may take; raises ``OSError`` when the thread that hangs up has the socket to itself."""
        with self._timing:
            if self._is_leaving:
                raise ConnectionAbortedError("this bot has hung up")
            self._connection.settimeout(seconds)


class Bot:
    """A bot for one room.

    :param name: what the others call it; unique in its room.
    :param character: the name of one of :data:`CHARACTERS`, or a function of one's own.
    :param dialect: ``"old"`` or ``"netd"``: see the module.
    :param connect: opens a socket to host and port.
    :param clock: seconds that only grow.
    :param on_welcome: called with what the server says when it gives the bot a place: the room need not be full yet.
    :ivar welcome: what the server said when it gave the bot a place; empty before.
    :raises ValueError: when name, port, character or dialect cannot be.
    """

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        character: Union[str, Character] = "happy",  # noqa: UP007 - as above
        *,
        dialect: str = OLD,
        connect: Callable[[str, int], socket.socket] = open_socket,
        clock: Callable[[], float] = time.monotonic,
        on_welcome: Callable[[str], object] = lambda welcome: None,
    ) -> None:
        self.welcome = ""
        self._name = check_arguments(port, name, dialect)
        self._place = (host, port)
        self._character = find_character(character)
        self._dialect = dialect
        self._connect = connect
        self._clock = clock
        self._on_welcome = on_welcome
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._is_closed = False

    def __enter__(self) -> Bot:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def run(self, on_exchange: Callable[[Exchange], object] | None = None) -> int:
        """Take a place, reply to everything, and return when the room is over (or :meth:`close` was called).

        :param on_exchange: called with each thing heard and replied.
        :returns: how many replies were given.
        :raises RoomError: when there is no place to be had.
        """
        replies = 0
        for exchange in self.exchanges():
            replies += 1
            if on_exchange is not None:
                on_exchange(exchange)
        return replies

    def exchanges(self) -> Iterator[Exchange]:
        """What was heard and replied, as it happens, until the room is over; raises as :meth:`run` does."""
        wire = self._open()
        try:
            if not self._enter(wire):
                return
            ear = Ear()
            while True:
                message = wire.read()
                if message is None:
                    if not self._is_closed:
                        check_refusal(self.welcome, ear)
                    return
                heard = ear.hear(message)
                reply = self._character(self._name, heard)
                wire.write(reply_bytes(reply, self._dialect))
                yield Exchange(heard, reply)
        except OSError as error:
            # Once the conversation has begun, any end is the end of the room: old servers just go away.
            if not self._is_closed and not self.welcome:
                raise NotConnected(f"the room broke the connection off: {error}") from error
        finally:
            wire.close()

    def close(self) -> None:
        """Leave, from any thread. Returns when the room has read what was said last, after a second at most."""
        with self._lock:
            self._is_closed = True
            wire = self._wire
        if wire is not None:
            wire.close()

    def _open(self) -> Wire:
        host, port = self._place
        try:
            connection = self._connect(host, port)
        except (OSError, UnicodeError) as error:
            raise NotConnected(f"cannot reach the room at {host}:{port}: {error}") from error
        wire = Wire(connection, self._dialect, self._clock)
        with self._lock:
            self._wire = wire
            is_closed = self._is_closed
        if is_closed:
            wire.close()
            raise NotConnected("this bot was closed")
        return wire

    def _enter(self, wire: Wire) -> bool:
        """Say the name and read the welcome; False when the bot was closed meanwhile."""
        wire.write(name_bytes(self._name, self._dialect))
        welcome = wire.read()
        if welcome is not None and is_question(welcome):
            welcome = wire.read()
        if welcome is None:
            if self._is_closed:
                return False
            raise NotConnected("the room closed the connection without a word")
        self.welcome = welcome.strip()
        self._on_welcome(self.welcome)
        return True
