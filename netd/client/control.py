"""The blocking client of netd's control socket: JSON-RPC 2.0, one line each way (``docs/protocols/console.md``).

The ``netd`` command line stands on it, and so can any script on the daemon's own machine.  It is standard library only and knows
no operation by name: the daemon lists its own under ``system.operations``.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = [
    "MAX_ANSWER",
    "MAX_REQUEST",
    "BadAnswer",
    "Control",
    "ControlError",
    "ControlTimeout",
    "InternalFault",
    "InvalidArguments",
    "InvalidRequest",
    "Lost",
    "NoSuchOperation",
    "NoSuchTarget",
    "NotInTime",
    "NotPermitted",
    "NotRunning",
    "OperationFailed",
    "Outdated",
    "RemoteError",
    "RequestTooLong",
    "SocketForbidden",
    "connect_unix",
    "encode_request",
    "read_answer",
]

MAX_REQUEST = 1024 * 1024
"""Bytes of a request line that the daemon takes, its newline included."""

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer line that a :class:`Control` takes unless told otherwise."""

_CHUNK = 64 * 1024


class ControlError(Exception):
    """Base of everything that a :class:`Control` raises on purpose. ``str()`` of it is fit for a person, but may quote peers."""


class NotRunning(ControlError):
    """No daemon listens on the socket."""


class SocketForbidden(ControlError):
    """The operating system does not let this user open the socket."""


class ControlTimeout(ControlError):
    """The daemon did not answer in time. Whether it carries the request out is unknown."""


class Lost(ControlError):
    """The daemon closed the connection instead of answering. Whether it carried the request out is unknown."""


class BadAnswer(ControlError):
    """What came back is too long, or no answer of JSON-RPC 2.0."""


class RequestTooLong(ControlError):
    """The request does not fit in a line that the daemon takes; nothing was sent."""


class RemoteError(ControlError):
    """The daemon answered with an error.

    :ivar code: the code of JSON-RPC 2.0; the known ones have classes of their own.
    :ivar data: what the daemon said beside the message, or None.
    """

    def __init__(self, message: str, code: int, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class InvalidRequest(RemoteError):
    """-32700 and -32600: the daemon could not read the request."""


class NoSuchOperation(RemoteError):
    """-32601: the daemon has no operation of that name; the message names the nearest."""


class InvalidArguments(RemoteError):
    """-32602: an argument is missing, unknown or of the wrong type; the message names it."""


class InternalFault(RemoteError):
    """-32603: a fault of netd's own; its log has it."""


class OperationFailed(RemoteError):
    """-32000: the operation failed; the message says why."""


class NoSuchTarget(RemoteError):
    """-32001: no such device, session or room."""


class NotInTime(OperationFailed):
    """-32003: the operation did not come to its end in the time that it has."""


class Outdated(OperationFailed):
    """-32004: what the operation was to replace has been changed meanwhile; ``data`` tells what there is now."""


class NotPermitted(RemoteError):
    """-32002: the caller's role does not reach to the operation."""


def _remote_error(message: str, code: int, data: object) -> RemoteError:
    classes: dict[int, type[RemoteError]] = {
        -32700: InvalidRequest,
        -32600: InvalidRequest,
        -32601: NoSuchOperation,
        -32602: InvalidArguments,
        -32603: InternalFault,
        -32000: OperationFailed,
        -32001: NoSuchTarget,
        -32002: NotPermitted,
        -32003: NotInTime,
        -32004: Outdated,
    }
    return classes.get(code, RemoteError)(message, code, data)


def encode_request(request_id: int, method: str, params: dict[str, Any]) -> bytes:
    """One request as a line.

    :raises RequestTooLong: when the line is longer than ``MAX_REQUEST``.
    :raises ValueError: when *params* cannot be said in JSON.
    """
    request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
    line = json.dumps(request, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    if len(line) > MAX_REQUEST:
        raise RequestTooLong(f"the request {method} takes {len(line)} bytes; the control socket takes {MAX_REQUEST}")
    return line


def read_answer(line: bytes, request_id: int) -> tuple[bool, Any]:
    """Whether *line* answers the request of *request_id*, and the result if it does.

    :raises RemoteError: when it answers with an error, or the daemon could not make out which request it answers.
    :raises BadAnswer: when *line* is not an answer of JSON-RPC 2.0.
    """
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise BadAnswer(f"the answer is not JSON: {line[:80]!r}") from None
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0" or ("result" in answer) == ("error" in answer):
        raise BadAnswer(f"the answer is not JSON-RPC 2.0: {line[:80]!r}")
    if "result" in answer:
        return answer.get("id") == request_id, answer["result"]
    if answer.get("id") not in {request_id, None}:
        return False, None
    error = answer["error"]
    if not isinstance(error, dict) or not isinstance(error.get("code"), int) or not isinstance(error.get("message"), str):
        raise BadAnswer(f"the answer is not JSON-RPC 2.0: {line[:80]!r}")
    raise _remote_error(error["message"], error["code"], error.get("data"))


def connect_unix(path: Path, timeout: float) -> socket.socket:
    """A connection to the unix socket at *path*, tried for *timeout* seconds.

    :raises NotRunning: when nothing listens there.
    :raises SocketForbidden: when this user may not open it.
    :raises ControlTimeout: when the daemon does not take the connection in time.
    :raises ControlError: when the operating system refuses for another reason.
    """
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise ControlError("this system has no unix sockets, and runs no daemon; name the gateway of one with --context NAME")
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise _connect_error(path, error) from None
    return connection


def _connect_error(path: Path, error: OSError) -> ControlError:
    remedy = "start it with `netd run`, or say where it is with --state DIR"
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return NotRunning(f"netd is not running here: no socket at {path}; {remedy}")
    if isinstance(error, ConnectionRefusedError):
        return NotRunning(f"netd is not running here: nobody listens at {path}; {remedy}")
    if isinstance(error, PermissionError):
        return SocketForbidden(
            f"not permitted to open {path}: only the user that runs this netd may; "
            "become that user (`sudo netd …`, or `sudo -u USER netd …`), or say which netd you mean with --state DIR"
        )
    if isinstance(error, (TimeoutError, BlockingIOError)):
        return ControlTimeout(f"netd at {path} does not take the connection: it is busy or hangs; try a longer --timeout")
    return ControlError(f"cannot open the control socket {path}: {error.strerror or error}; name a directory with --state DIR")


class Control:
    """A connection to the control socket of one daemon, made on the first call.

    A context manager; used by one thread at a time.  After a call that was not answered in time the connection is closed, and the
    next call makes a new one.

    :param path: the socket, ``control.sock`` in the daemon's state directory.
    :param timeout: seconds that one call may take, connecting included.
    :param max_answer: bytes of an answer, its newline included.
    :param connect: makes the connection; :func:`connect_unix` unless a test hands in another.
    :param clock: seconds that only grow.
    """

    def __init__(
        self,
        path: Path,
        timeout: float = 30.0,
        *,
        max_answer: int = MAX_ANSWER,
        connect: Callable[[Path, float], socket.socket] = connect_unix,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.timeout = timeout
        self._max_answer = max_answer
        self._connect = connect
        self._clock = clock
        self._connection: socket.socket | None = None
        self._received = bytearray()
        self._last_id = 0

    def __enter__(self) -> Control:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one. The next call makes a new one."""
        connection, self._connection = self._connection, None
        self._received.clear()
        if connection is not None:
            connection.close()

    def call(self, method: str, /, **params: Any) -> Any:
        """The result of one operation: plain JSON values.

        :param method: for example ``relay.send``.
        :param params: its arguments by name; ``instance`` is taken by every operation.
        :raises RemoteError: of the class that belongs to the code, when the daemon answers with an error.
        :raises ControlError: of the class named for what happened, when there is no answer.
        """
        self._last_id += 1
        request = encode_request(self._last_id, method, params)
        deadline = self._clock() + self.timeout
        try:
            self._write(request, deadline)
            while True:
                is_answer, result = read_answer(self._read_line(deadline), self._last_id)
                if is_answer:
                    return result
        except RemoteError:
            raise
        except TimeoutError:
            self.close()
            raise ControlTimeout(f"netd did not answer {method} within {self.timeout:g} s") from None
        except OSError as error:
            self.close()
            raise Lost(f"the connection to netd broke before it answered {method}: {error.strerror or error}") from None
        except BaseException:
            self.close()
            raise

    def wait_closed(self) -> None:
        """Return once the daemon has closed this connection, at once when there is none: it has stopped.

        :raises ControlTimeout: when it has not within ``timeout`` seconds.
        """
        deadline = self._clock() + self.timeout
        try:
            while self._connection is not None:
                self._receive(self._connection, deadline)
                self._received.clear()
        except TimeoutError:
            raise ControlTimeout(f"netd has not stopped within {self.timeout:g} s") from None
        except (Lost, OSError):
            pass
        finally:
            self.close()

    def _write(self, request: bytes, deadline: float) -> None:
        if self._connection is None:
            self._connection = self._connect(self.path, self.timeout)
        self._connection.settimeout(self._left(deadline))
        self._connection.sendall(request)

    def _read_line(self, deadline: float) -> bytes:
        assert self._connection is not None
        scanned = 0
        while (end := self._received.find(b"\n", scanned)) < 0:
            scanned = len(self._received)
            if scanned >= self._max_answer:
                raise BadAnswer(f"the answer is longer than {self._max_answer} bytes")
            self._receive(self._connection, deadline)
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _receive(self, connection: socket.socket, deadline: float) -> None:
        connection.settimeout(self._left(deadline))
        segment = connection.recv(_CHUNK)
        if not segment:
            raise Lost("netd closed the connection instead of answering")
        self._received += segment

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        return left
