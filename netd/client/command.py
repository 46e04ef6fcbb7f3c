"""The client side of JSON commands: :func:`call` and :class:`Caller` for new programs, :func:`send_data` for old ones.

Old servers are understood as well: they say ``failed`` for ``error``, forget the newline, close after each answer, or do not
(``docs/protocols/command.md``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from netd.client.command_messages import (
    BadAnswer,
    CommandError,
    CommandFailed,
    ConnectionLost,
    Denied,
    NotConnected,
    NotInTime,
    command_line,
)
from netd.client.command_plan import HOST, PORT, TIMEOUT, CommandCalls, CommandProgram
from netd.client.token import ClientToken
from netd.client.way_sockets import Blocking, SocketWay, Surroundings, carry_out

__all__ = [
    "BadAnswer",
    "Caller",
    "CommandError",
    "CommandFailed",
    "ConnectionLost",
    "Denied",
    "NotConnected",
    "NotInTime",
    "Surroundings",
    "call",
    "fail_connect",
    "send_data",
    "server_fail",
    "server_success",
]


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
    token: str | None = None,
    token_file: str | os.PathLike[str] | None = None,
    cafile: str | os.PathLike[str] | None = None,
    **more: Any,
) -> Any:
    """Run one command over a connection of its own; see :meth:`Caller.call` for what is returned and raised.

    Arguments that are called ``host``, ``port``, ``timeout``, ``token``, ``token_file`` or ``cafile`` go into the second one.
    """
    with Caller(host, port, timeout, token=token, token_file=token_file, cafile=cafile) as caller:
        return caller.call(__command_id, __arguments, **more)


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

    :param json_data: the whole object, with its ``command_id``, and a ``token`` where the server wants one.
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
        answer = _exchange(json_data, host, port, debug, surroundings)
    except CommandError as error:
        _say(debug, f"no answer: {error}")
        (fail_connect or own["fail_connect"])()
        return None
    if answer.get("status") == "success":
        (server_success or own["server_success"])(answer)
    else:
        (server_fail or own["server_fail"])(answer)
    return answer


def _exchange(json_data: Any, host: str, port: int, debug: bool, surroundings: Surroundings) -> dict[str, Any]:
    way = SocketWay(surroundings)
    try:
        _say(debug, f"sending: {command_line(json_data)!r}")
        answer = carry_out(CommandCalls(way, host, port, TIMEOUT, ClientToken()).ask(json_data, None))
        _say(debug, f"received: {answer!r}")
        return answer
    finally:
        way.close()


def _say(debug: bool, text: str) -> None:
    if debug:
        print(text)  # noqa: T201 - asked for
