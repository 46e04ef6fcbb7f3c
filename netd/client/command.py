"""The client side of JSON commands: :func:`call` and :class:`Caller` for new programs, :func:`send_data` for old ones.

Old servers are understood as well: they say ``failed`` for ``error``, forget the newline, close after each answer, or do not
(``docs/protocols/command.md``).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

from netd.client.way import Connection, Program, Server, W, Way, check_port
from netd.client.way_sockets import Blocking, SocketWay, Surroundings, carry_out

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


# --- What a caller does -----------------------------------------------------------------------------------------------

COMMAND_SERVER = Server("the command server", NotConnected, ConnectionLost, NotInTime)


class CommandCalls:
    """Runs commands, one at a time, over one connection, which is kept where the server keeps it.

    :param timeout: seconds to connect in, and seconds to be answered in.
    """

    def __init__(self, way: Way, host: str, port: int, timeout: float) -> None:
        check_port(port)
        self._way = way
        self._place = (host, port)
        self._timeout = timeout
        self._numbers = itertools.count(1)
        self._connection: Connection | None = None
        self._answers = AnswerDecoder()

    async def call(self, command_id: str, arguments: Mapping[str, Any] | None, more: Mapping[str, Any]) -> Any:
        """Run a command and return its result."""
        number = next(self._numbers)
        return result_of(await self.ask(command_line({**command_members(command_id, arguments, more), "id": number}), number))

    async def commands(self) -> list[dict[str, Any]]:
        """What the server's commands are called and take."""
        listed = await self.call(LIST, None, {})
        return list(listed) if isinstance(listed, list) else []

    async def ask(self, line: bytes, number: int | None) -> dict[str, Any]:
        """The answer to the command in *line*, which has this *number*, or none.

        :raises CommandError: when none comes.
        """
        connection = await self._ready()
        answer: dict[str, Any] = {}
        try:
            end = self._way.now() + self._timeout
            await connection.send(line, end)
            answer = await self._answer(connection, number, end)
        finally:
            if "id" not in answer:  # an old server, which closes now; or it went wrong, and the answer would seem the next one's
                self._connection = None
                await connection.leave()
        return answer

    async def _answer(self, connection: Connection, number: int | None, end: float) -> dict[str, Any]:
        while True:
            answer = self._answers.next_answer()
            if answer is None:
                self._answers.feed(await connection.receive_by(end))
            elif number is None or is_for(number, answer):
                return answer

    async def _ready(self) -> Connection:
        if self._connection is not None and not await self._is_idle(self._connection):
            await self._connection.leave()
            self._connection = None
        if self._connection is None:
            self._connection = await self._way.reach(COMMAND_SERVER, *self._place, self._timeout)
            self._connection.patience = 0.0  # what was said last was answered
            self._answers = AnswerDecoder()
        return self._connection

    async def _is_idle(self, connection: Connection) -> bool:
        """Whether the server has neither hung up nor said anything unasked."""
        try:
            return self._answers.is_empty and await connection.receive(0) is None
        except ConnectionLost:
            return False


# --- New programs -----------------------------------------------------------------------------------------------------


class CommandProgram(Program[W]):
    """What makes a caller of commands, whatever way it goes.

    :param timeout: seconds to connect in, and seconds to be answered in.
    :raises ValueError: when the port cannot be.
    """

    def __init__(
        self,
        host: str = HOST,
        port: int = PORT,
        timeout: float = TIMEOUT,
        *,
        surroundings: Any = None,
    ) -> None:
        super().__init__(surroundings)
        self._calls = CommandCalls(self._way, host, port, timeout)


class Caller(CommandProgram[SocketWay], Blocking):
    """Runs commands over one connection, which is kept where the server keeps it. One command at a time; threads take turns.

    The connection is made by the first call, and again by the next call after it was lost. A command is never sent twice.
    """

    def call(self, __command_id: str, __arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """Run a command and return its result. The first two are given by position only.

        :param __arguments: by name; those that are Python names can be given as *more*, too, but for ``self``.
        :raises CommandFailed: when the server answers that it failed.
        :raises NotConnected: when the server cannot be reached; nothing was sent.
        :raises CommandError: when no answer came: see the classes.
        :raises TypeError: when an argument cannot be JSON.
        :raises ValueError: when an argument cannot have that name, or cannot be JSON.
        """
        with self._way.turn:
            return carry_out(self._calls.call(__command_id, __arguments, more))

    def commands(self) -> list[dict[str, Any]]:
        """What the server's commands are called and take: ``command_id``, ``help`` and ``arguments`` of each.

        :raises CommandFailed: when the server knows no such list.
        :raises CommandError: as :meth:`call` does.
        """
        with self._way.turn:
            return carry_out(self._calls.commands())


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
    way = SocketWay(surroundings)
    try:
        _say(debug, f"sending: {line!r}")
        answer = carry_out(CommandCalls(way, host, port, TIMEOUT).ask(line, None))
        _say(debug, f"received: {answer!r}")
        return answer
    finally:
        way.close()


def _say(debug: bool, text: str) -> None:
    if debug:
        print(text)  # noqa: T201 - asked for
