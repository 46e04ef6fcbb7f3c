"""The agent's side of telemetry sessions, blocking: :class:`Agent` is dialled, connects back, and streams samples.

One file on purpose, standard library only, Python 3.7 or newer: copy it to a Raspberry Pi and ``from session import Agent``.
It imports nothing of netd and knows no server but by what goes over the wire (``docs/protocols/session.md``). What is pure here
(hello, samples, the schedule) serves :mod:`netd.client.session_asyncio` too.

Two dialects: ``"netd"`` says names, labels and units; ``"old"`` is all that older servers know: the channels x, y and z.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Union

__all__ = ["DIALECTS", "Agent", "AgentError", "Channel", "Hooks", "NotANumber", "Refused", "SessionLost"]

AUTO, NETD, OLD = "auto", "netd", "old"
DIALECTS = (AUTO, NETD, OLD)

QUESTION, ANSWER = b"netd?\n", b"netd"
"""What an agent of either dialect asks on the control connection, and what netd answers; older servers do not read there."""

ANSWER_TIMEOUT = 1.0
"""Seconds in which netd answers."""

AGENT_PORT, SERVER_PORT = 10001, 10000
CONNECT_TIMEOUT = 10.0
"""Seconds in which the server must take the connection back, and any further bytes."""

ID_TIMEOUT = 10.0
"""Seconds in which the server must say the session's id after it has connected."""

ID_PAUSE = 0.05
"""Seconds of silence that end the id: nothing else does."""

FAREWELL = 1.0
"""Seconds that hanging up takes at most: until then, the other side may read what was said last, and hang up itself."""

ANNOUNCE_PAUSE, START_PAUSE = 0.3, 1.0
"""Seconds between the announcements of the old dialect, and before its first sample: old servers take a ``recv`` for a token."""

OLD_CHANNELS = "xyz"

OLD_TOKEN = 16
"""Bytes of a token that an old server reads."""

Value = Union[float, int, None, "tuple[float, float]"]
"""A number; a number and its time (seconds since the epoch); or None for no sample this time."""

Source = Union["Callable[[], Value]", "Iterable[Value]"]


class AgentError(Exception):
    """Base of everything that went wrong between this agent and the server; ``str()`` of it is fit for a person."""


class SessionLost(AgentError):
    """The session ended; the text says how."""


class Refused(SessionLost):
    """The server hung up and said why; the text is the server's."""


class NotANumber(AgentError, ValueError):
    """A value that cannot be a sample."""


class Channel(NamedTuple):
    """One thing that is measured.

    :ivar source: a function that is called for each value, or an iterable of values; None where the program says them itself,
        with :meth:`Agent.say`.
    :ivar every: seconds between two values; None takes the agent's.
    """

    source: Source | None = None
    label: str = ""
    unit: str = ""
    every: float | None = None


class Hooks(NamedTuple):
    """What is called when something happens.

    :ivar started: with the session's id and the server's host.
    :ivar stopped: with the reason.
    :ivar pinged: on each ping.
    """

    started: Callable[[int, str], object] = lambda session, host: None
    stopped: Callable[[str], object] = lambda reason: None
    pinged: Callable[[], object] = lambda: None


# --- What is said: pure -----------------------------------------------------------------------------------------------


def read_channels(channels: Mapping[str, Channel | Source], dialect: str) -> dict[str, Channel]:
    """*channels* by name, each a :class:`Channel`.

    :raises ValueError: when a name cannot be one in *dialect*, or there is none.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"dialect: {dialect!r} is none of {', '.join(DIALECTS)}")
    if not channels:
        raise ValueError("an agent has at least one channel")
    for name in channels:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", name):
            raise ValueError(f"{name!r} cannot name a channel: 1 to 63 letters, digits, _ and - can")
        if dialect == OLD and name not in OLD_CHANNELS:
            raise ValueError(f"{name!r} cannot be a channel of the old dialect: x, y and z are")
    return {name: one if isinstance(one, Channel) else Channel(one) for name, one in channels.items()}


def can_be_old(channels: Iterable[str]) -> bool:
    """Whether the old dialect has names for all *channels*."""
    return all(name in OLD_CHANNELS for name in channels)


def dialect_of(word: bytes) -> str:
    """What to speak with a server that has answered the question with *word*, or with nothing.

    :raises SessionLost: when it has said that the session is over.
    """
    if b"stop" in word:
        raise SessionLost("the server said stop")
    return NETD if ANSWER in word else OLD


def hello(session: int, channels: Mapping[str, Channel]) -> bytes:
    """The first line of the data connection."""
    described = {name: {"label": channel.label, "unit": channel.unit} for name, channel in channels.items()}
    return json.dumps({"session": session, "channels": described}).encode("ascii") + b"\n"


def announcements(session: int) -> list[bytes]:
    """What the old dialect announces, to be sent one by one."""
    return [b"s%d%d" % (place + 1, session + place) for place in range(len(OLD_CHANNELS))]


def sample(name: str, value: Value) -> bytes | None:
    """One sample as a line; None for no sample.

    :raises NotANumber: when *value* is no finite number.
    """
    if value is None:
        return None
    numbers = value if isinstance(value, tuple) else (value,)
    return b" ".join([name.encode("ascii"), *map(number, numbers)]) + b"\n"


def old_sample(name: str, value: Value) -> bytes | None:
    """One sample as a token of the old dialect, which knows no time; raises what :func:`sample` raises.

    An old server takes the first 16 bytes for the token: a number that is longer is rounded.
    """
    if value is None:
        return None
    exact = value[0] if isinstance(value, tuple) else value
    token = name.encode("ascii") + number(exact)
    digits = OLD_TOKEN
    while len(token) > OLD_TOKEN:
        digits -= 1
        token = name.encode("ascii") + b"%.*g" % (digits, float(exact))
    return token


def number(value: float) -> bytes:
    """*value* in decimal.

    :raises NotANumber: when it is no finite number.
    """
    try:
        finite = float(value)
    except (TypeError, ValueError, OverflowError):
        finite = math.nan
    if not math.isfinite(finite):
        raise NotANumber(f"{value!r} is no finite number")
    return repr(int(finite) if finite == int(finite) and abs(finite) < 1e15 else finite).encode("ascii")


def tell_failure(log: logging.Logger, name: str, error: Exception) -> None:
    """Log that a channel has no value this time; with a traceback where the program may want to know where."""
    log.warning("channel %s has no value this time: %s", name, error, exc_info=None if isinstance(error, NotANumber) else error)


def read_id(received: bytes) -> int:
    """The session's id.

    :raises SessionLost: when *received* is none.
    """
    if not re.fullmatch(rb"\s*[0-9]{1,15}\s*", received):
        raise SessionLost(f"the server said no session id but {received[:40]!r}")
    return int(received)


def read_complaint(received: bytes) -> SessionLost:
    """What it means that the server has said *received* on the data connection (nothing: it hung up)."""
    try:
        error = json.loads(received.decode("utf-8"))["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return SessionLost("the server closed the data connection")
    return Refused(f"the server said: {error}")


class Schedule:
    """When which channel is to be asked for its next value.

    A source that raises, or gives what is no number, is logged and asked again next time; an iterable that is at its end is not.

    :param every: seconds between two values of a channel that does not say its own.
    """

    _log = logging.getLogger("netd.client.session")

    def __init__(self, channels: Mapping[str, Channel], dialect: str, every: float) -> None:
        self.speak(dialect)
        self._sources = {name: _puller(channel.source) for name, channel in channels.items() if channel.source is not None}
        self._has_others = len(self._sources) < len(channels)
        self._every = {name: every if channel.every is None else channel.every for name, channel in channels.items()}
        if not all(pause > 0 for pause in self._every.values()):
            raise ValueError("every: a number of seconds above 0")
        self._due: dict[str, float] = {}

    def speak(self, dialect: str) -> None:
        """Encode for *dialect* from now on."""
        self._encode = old_sample if dialect == OLD else sample

    def start(self, now: float) -> None:
        """A session begins: every channel is due."""
        self._due = dict.fromkeys(self._sources, now)

    @property
    def is_exhausted(self) -> bool:
        """Whether no channel has anything more to say."""
        return not (self._sources or self._has_others)

    def wait(self, now: float) -> float:
        """Seconds until the next channel is due, an hour at most."""
        return max(0.0, min(self._due.values(), default=now + 3600.0) - now)

    def take(self, now: float) -> list[bytes]:
        """The samples of all channels that are due, each encoded. After a delay, none is made up for."""
        taken = []
        for name in [name for name, due in self._due.items() if due <= now]:
            behind = now - self._due[name]
            self._due[name] = now + self._every[name] - behind % self._every[name]
            encoded = self._ask(name)
            if encoded is not None:
                taken.append(encoded)
        return taken

    def _ask(self, name: str) -> bytes | None:
        try:
            return self._encode(name, self._sources[name]())
        except StopIteration:
            del self._sources[name], self._due[name]
        except Exception as error:
            tell_failure(self._log, name, error)
        return None


def _puller(source: Source) -> Callable[[], Value]:
    if callable(source):
        return source
    iterator: Iterator[Value] = iter(source)
    return iterator.__next__


# --- Sockets ----------------------------------------------------------------------------------------------------------


def tune(connection: socket.socket) -> None:
    """Send at once, and find out within some 90 s that the other side is gone without a word."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, amount in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), amount)


def open_listener(host: str, port: int) -> socket.socket:
    """A socket that listens for the server.

    :raises OSError: when the port is taken, or *host* is no address of this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(8)
    except OSError:
        listener.close()
        raise
    return listener


def connect_back(control: socket.socket, port: int) -> socket.socket:
    """A connection to *port* of the host that dialled *control*, from the very address that it dialled.

    :raises SessionLost: when there is none within 10 s.
    """
    host = control.getpeername()[0]
    try:
        data = socket.create_connection((host, port), CONNECT_TIMEOUT, (control.getsockname()[0], 0))
    except OSError as error:
        raise SessionLost(f"cannot connect back to {host} port {port}: {error}") from error
    tune(data)
    return data


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


class Agent:
    """Listens for a server, connects back, and streams the channels, until :meth:`close`.

    Sources are called from the thread that runs :meth:`run`; what comes at its own pace is said with :meth:`say`.

    :param channels: by name: a function that returns a number, an iterable of numbers, or a :class:`Channel` with either.
    :param host: the address to listen on; an empty text is every one.
    :param port: where servers dial; 0 takes any that is free, see :attr:`port`.
    :param server_port: where they are connected back to.
    :param every: seconds between two values of a channel.
    :param dialect: ``"netd"``, ``"old"``, or ``"auto"``, which asks each server what it is, and speaks the old one where there is
        no answer and all channels are x, y or z.
    :raises ValueError: for names, dialects or pauses that cannot be.
    """

    _log = logging.getLogger("netd.client.session")

    def __init__(
        self,
        channels: Mapping[str, Channel | Source],
        host: str = "127.0.0.1",
        port: int = AGENT_PORT,
        *,
        server_port: int = SERVER_PORT,
        every: float = 0.2,
        dialect: str = NETD,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._channels = read_channels(channels, dialect)
        self._schedule = Schedule(self._channels, dialect, every)
        self._host = host
        self._server_port = server_port
        self._dialect = self._spoken = dialect
        self._hooks = hooks
        self._listener: socket.socket | None = None
        self._said: list[bytes] = []
        self._is_streaming = False
        self._is_running = False
        self._is_closed = False
        self._lock = threading.Lock()
        self._bell, self._rope = socket.socketpair()
        self.port = port

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def listen(self) -> None:
        """Begin to listen, if that was not done yet; :meth:`run` does it by itself.

        :raises OSError: when the port is taken.
        """
        if self._listener is None:
            self._listener = open_listener(self._host, self.port)
            self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        """Serve one session after another, until :meth:`close`, or until every source is at its end.

        A server that dials while a session goes on waits for its end.

        :raises OSError: when the port is taken.
        """
        self.listen()
        listener = self._listener
        assert listener is not None
        self._is_running = True
        try:
            while not self._is_closed and not self._schedule.is_exhausted:
                if listener in self._wait([listener], None):
                    control, _ = listener.accept()
                    with control:
                        self._serve(control)
        finally:
            listener.close()
            self._listener = None
            self._is_running = False
            if self._is_closed:
                self._bell.close()
                self._rope.close()

    def say(self, name: str, value: Value) -> bool:
        """Say a value of a channel at once, from any thread.

        :returns: False when no session goes on: it is not kept.
        :raises ValueError: when *value* is no finite number (:class:`NotANumber`), or there is no such channel.
        """
        if name not in self._channels:
            raise ValueError(f"{name!r} is no channel of this agent")
        encoded = (old_sample if self._spoken == OLD else sample)(name, value)
        with self._lock:
            if not self._is_streaming or encoded is None:
                return False
            self._said.append(encoded)
            self._ring()
            return True

    def close(self) -> None:
        """End the session that goes on, and listen no more; :meth:`run` returns soon. From any thread, any number of times."""
        with self._lock:
            self._is_closed = True
            self._ring()
        if not self._is_running:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            self._bell.close()
            self._rope.close()

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # it rings already, or nobody is there any more
            self._rope.setblocking(False)
            self._rope.send(b"!")

    def _wait(self, sockets: Sequence[socket.socket], seconds: float | None) -> list[Any]:
        readable, _, _ = select.select([*sockets, self._bell], [], [], seconds)
        if self._bell in readable:
            self._bell.recv(4096)
        return readable

    def _serve(self, control: socket.socket) -> None:
        try:
            tune(control)
            session = self._read_id(control)
            self._spoken = self._choose(control)
            self._schedule.speak(self._spoken)
            data = connect_back(control, self._server_port)
            try:
                self._hooks.started(session, control.getpeername()[0])
                reason = self._greet(session, control, data) or self._stream(control, data)
            finally:
                with self._lock:
                    self._is_streaming = False
                    self._said.clear()
                leave(data, time.monotonic() + FAREWELL, time.monotonic)
        except (AgentError, OSError) as error:
            reason = self._last_word(control) or str(error)
        self._log.info("the session has ended: %s", reason)
        self._hooks.stopped(reason)

    def _last_word(self, control: socket.socket) -> str:
        """Why the data connection broke, if the server has said so: it may hang up as soon as it has."""
        with contextlib.suppress(OSError):
            if control in self._wait([control], 0.0) and b"stop" in control.recv(64):
                return "the server said stop"
        return ""

    def _read_id(self, control: socket.socket) -> int:
        received, patience = b"", ID_TIMEOUT
        while len(received) <= 16 and control in self._wait([control], patience):
            segment = control.recv(16)
            if not segment:
                break
            received, patience = received + segment, ID_PAUSE
        return read_id(received)

    def _choose(self, control: socket.socket) -> str:
        """The dialect of the session that begins."""
        if self._dialect != AUTO:
            return self._dialect
        if not can_be_old(self._channels):
            return NETD
        control.sendall(QUESTION)
        word = control.recv(64) if control in self._wait([control], ANSWER_TIMEOUT) else b""
        return dialect_of(word)

    def _greet(self, session: int, control: socket.socket, data: socket.socket) -> str:
        """Say whose data connection this is; returns why there is nothing more to do, or an empty text."""
        now = time.monotonic()
        if self._spoken == NETD:
            data.sendall(hello(session, self._channels))
        else:
            for announcement in announcements(session):
                data.sendall(announcement)
                now += ANNOUNCE_PAUSE
                reason = self._listen_until(now, control, data)
                if reason:
                    return reason
            now += START_PAUSE
        with self._lock:
            self._is_streaming = True
        self._schedule.start(now)
        return ""

    def _stream(self, control: socket.socket, data: socket.socket) -> str:
        """Say samples until the session ends; returns why it did."""
        while True:
            reason = self._listen_until(time.monotonic() + self._schedule.wait(time.monotonic()), control, data)
            if reason and not self._is_closed:
                return reason
            with self._lock:
                said, self._said = self._said, []
            samples = said if reason else said + self._schedule.take(time.monotonic())
            if self._spoken == NETD:
                if samples:
                    data.sendall(b"".join(samples))
            else:
                for one in samples:
                    data.sendall(one)
                    time.sleep(ID_PAUSE)
            if reason:
                return reason
            if self._schedule.is_exhausted:
                return "all channels are at their end"

    def _listen_until(self, moment: float, control: socket.socket, data: socket.socket) -> str:
        """Heed both connections until *moment*, or until something is to be said; returns why the session ends, if it does."""
        while not self._is_closed:
            left = moment - time.monotonic()
            readable = self._wait([control, data], max(0.0, left))
            if control in readable:
                word = control.recv(64)
                if not word or b"stop" in word:
                    return "the server said stop" if word else "the server closed the control connection"
                if b"ping" in word:
                    self._hooks.pinged()
            if data in readable:
                raise read_complaint(data.recv(4096))
            if left <= 0 or self._said:
                return ""
        return "this agent was closed"
