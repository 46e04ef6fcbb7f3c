"""The client side of JSON commands, blocking: :func:`call` and :class:`Caller` for new programs, :func:`send_data` for old ones.

One file on purpose, standard library only, Python 3.7 or newer: copy it beside your program and ``from command import call``.
It imports nothing of netd and knows no server but by what goes over the wire (``docs/protocols/command.md``). What is pure here
(lines, answers) serves :mod:`netd.client.command_asyncio` too.

Old servers are understood as well: they say ``failed`` for ``error``, forget the newline, close after each answer, or do not.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = [
    "BadAnswer",
    "Caller",
    "CommandError",
    "CommandFailed",
    "ConnectionLost",
    "NotConnected",
    "NotInTime",
    "Surroundings",
    "call",
    "fail_connect",
    "send_data",
    "server_fail",
    "server_success",
]

HOST = "127.0.0.1"
PORT = 65432
TIMEOUT = 5.0
"""Seconds to connect in, and seconds to be answered in."""

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer."""

OLD_ANSWER = 64 * 1024
"""Bytes of an answer that may do without a newline."""

LIST = "command.list"
RESERVED = ("command_id", "id")


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


# --- Lines and answers: pure ------------------------------------------------------------------------------------------


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

    :raises CommandFailed: when it says that the command failed.
    """
    if answer.get("status") == "success":
        return answer.get("result")
    raise CommandFailed(str(answer.get("error") or f"the server gave no reason (status {answer.get('status')!r})"), answer)


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


# --- Sockets ----------------------------------------------------------------------------------------------------------


def open_socket(host: str, port: int, timeout: float) -> socket.socket:
    """A connected TCP socket that sends at once.

    :raises OSError: when there is none within *timeout* seconds.
    """
    connection = socket.create_connection((host, port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Surroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens a socket to host and port, within so many seconds.
    :ivar clock: seconds that only grow.
    """

    connect: Callable[[str, int, float], socket.socket] = open_socket
    clock: Callable[[], float] = time.monotonic


class Wire:
    """Command lines out of, and answers into one socket."""

    def __init__(self, connection: socket.socket, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._clock = clock
        self._answers = AnswerDecoder()

    def write(self, line: bytes, end: float) -> None:
        """Hand *line* to the operating system, until the clock says *end*.

        :raises NotInTime: when that takes longer.
        :raises ConnectionLost: when it cannot be done.
        """
        try:
            self._connection.settimeout(max(end - self._clock(), 0.001))
            self._connection.sendall(line)
        except socket.timeout:  # noqa: UP041 - before Python 3.10 these are two
            raise NotInTime("the server does not take the command") from None
        except OSError as error:
            raise ConnectionLost(f"the connection to the server broke: {error}") from error

    def read(self, end: float) -> dict[str, Any]:
        """The next answer; waits for it until the clock says *end*.

        :raises NotInTime: when *end* has come first.
        :raises ConnectionLost: when the connection ended first.
        :raises BadAnswer: when what comes is none.
        """
        while True:
            answer = self._answers.next_answer()
            if answer is not None:
                return answer
            self._answers.feed(self._receive(end))

    def _receive(self, end: float) -> bytes:
        seconds = end - self._clock()
        if seconds <= 0:
            raise NotInTime("the server did not answer in time")
        try:
            self._connection.settimeout(seconds)
            received = self._connection.recv(65536)
        except socket.timeout:  # noqa: UP041 - before Python 3.10 these are two
            raise NotInTime("the server did not answer in time") from None
        except OSError as error:
            raise ConnectionLost(f"the connection to the server broke: {error}") from error
        if not received:
            raise ConnectionLost("the server closed the connection without an answer")
        return received

    def is_idle(self) -> bool:
        """Whether the other side has neither hung up nor said anything unasked; does not wait."""
        if not self._answers.is_empty:
            return False
        try:
            self._connection.settimeout(0)
            self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Hang up, and wake the thread that reads. Twice is harmless."""
        with contextlib.suppress(OSError):  # the other side was first
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def _dial(host: str, port: int, timeout: float, surroundings: Surroundings) -> Wire:
    if not 0 < port < 65536:
        raise ValueError(f"port: {port!r} is not between 1 and 65535")
    try:
        return Wire(surroundings.connect(host, port, timeout), surroundings.clock)
    except (OSError, UnicodeError) as error:
        raise NotConnected(f"cannot reach the command server at {host}:{port}: {error}") from error


# --- New programs -----------------------------------------------------------------------------------------------------


class Caller:
    """Runs commands over one connection, which is kept where the server keeps it. One command at a time; threads take turns.

    The connection is made by the first call, and again by the next call after it was lost. A command is never sent twice.

    :param timeout: seconds to connect in, and seconds to be answered in.
    """

    def __init__(
        self,
        host: str = HOST,
        port: int = PORT,
        timeout: float = TIMEOUT,
        *,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._place = (host, port)
        self._timeout = timeout
        self._surroundings = surroundings
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)
        self._wire: Wire | None = None
        self._is_closed = False

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up for good, from any thread; a call that waits ends at once."""
        self._is_closed = True
        wire = self._wire
        if wire is not None:
            wire.close()

    def call(self, __command_id: str, __arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Run a command and return its result. The first two are given by position only.

        :param __arguments: by name; those that are Python names can be given as *more*, too, but for ``self``.
        :raises CommandFailed: when the server answers that it failed.
        :raises NotConnected: when the server cannot be reached; nothing was sent.
        :raises CommandError: when no answer came: see the classes.
        :raises TypeError: when an argument cannot be JSON.
        :raises ValueError: when an argument cannot have that name, or cannot be JSON.
        """
        number = next(self._numbers)
        line = command_line({**command_members(__command_id, __arguments, more), "id": number})
        with self._turn:
            wire = self._ready()
            end = self._surroundings.clock() + self._timeout
            try:
                wire.write(line, end)
                answer = wire.read(end)
                while not is_for(number, answer):
                    answer = wire.read(end)
            except CommandError:
                self._drop(wire)
                raise
            if "id" not in answer:  # an old server, which closes now
                self._drop(wire)
        return result_of(answer)

    def commands(self) -> list[dict[str, Any]]:
        """What the server's commands are called and take: ``command_id``, ``help`` and ``arguments`` of each.

        :raises CommandFailed: when the server knows no such list.
        :raises CommandError: as :meth:`call` does.
        """
        listed = self.call(LIST)
        return list(listed) if isinstance(listed, list) else []

    def _drop(self, wire: Wire) -> None:
        self._wire = None
        wire.close()

    def _ready(self) -> Wire:
        if self._wire is not None and not self._wire.is_idle():
            self._drop(self._wire)
        self._refuse_closed()
        if self._wire is None:
            self._wire = _dial(*self._place, self._timeout, self._surroundings)
            self._refuse_closed()  # close() may have come too early to find this wire
        return self._wire

    def _refuse_closed(self) -> None:
        if self._is_closed:
            self.close()
            raise NotConnected("this client was closed")


def call(
    __command_id: str,
    __arguments: Mapping[str, Any] | None = None,
    *,
    host: str = HOST,
    port: int = PORT,
    timeout: float = TIMEOUT,
    **more: Any,
) -> Any:
    """Run one command over a connection of its own; see :meth:`Caller.call` for what is returned and raised.

    Arguments that are called ``host``, ``port`` or ``timeout`` go into the second one.
    """
    with Caller(host, port, timeout) as caller:
        return caller.call(__command_id, __arguments, **more)


# --- Old programs -----------------------------------------------------------------------------------------------------


def server_success(response_data: dict[str, Any]) -> None:
    """Called by :func:`send_data` when the server reports success. Put your own in its place, or hand one in."""
    print("Server reported success.")  # noqa: T201 - as the programs did that this one is for


def server_fail(response_data: dict[str, Any]) -> None:
    """Called by :func:`send_data` when the server reports failure. Put your own in its place, or hand one in."""
    print(f"Server reported an error. {response_data.get('error')}")  # noqa: T201 - likewise


def fail_connect() -> None:
    """Called by :func:`send_data` when no answer came. Put your own in its place, or hand one in."""
    print("Failed to connect to the server or the server timed out.")  # noqa: T201 - likewise


def send_data(
    json_data: Any,
    host: str = HOST,
    port: int = PORT,
    debug: bool = False,
    *,
    server_success: Callable[[dict[str, Any]], object] | None = None,
    server_fail: Callable[[dict[str, Any]], object] | None = None,
    fail_connect: Callable[[], object] | None = None,
    surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
) -> dict[str, Any] | None:
    """Send one command, and call one of three functions with what came of it.

    :param json_data: the whole object, with its ``command_id``.
    :param debug: print what is sent and received.
    :param server_success: called with the answer; left out, the function of that name in this module.
    :param server_fail: likewise.
    :param fail_connect: called when the server cannot be reached, or gave no answer within 5 s; likewise.
    :returns: the answer, or None.
    :raises TypeError: when *json_data* cannot be JSON.
    :raises ValueError: likewise.
    """
    own = globals()
    try:
        answer = _exchange(command_line(json_data), host, port, debug, surroundings)
    except CommandError as error:
        _say(debug, f"no answer: {error}")
        (fail_connect or own["fail_connect"])()
        return None
    if answer.get("status") == "success":
        (server_success or own["server_success"])(answer)
    else:
        (server_fail or own["server_fail"])(answer)
    return answer


def _exchange(line: bytes, host: str, port: int, debug: bool, surroundings: Surroundings) -> dict[str, Any]:
    wire = _dial(host, port, TIMEOUT, surroundings)
    try:
        end = surroundings.clock() + TIMEOUT
        _say(debug, f"sent: {line!r}")
        wire.write(line, end)
        answer = wire.read(end)
        _say(debug, f"received: {answer!r}")
        return answer
    finally:
        wire.close()


def _say(debug: bool, text: str) -> None:
    if debug:
        print(text)  # noqa: T201 - asked for
