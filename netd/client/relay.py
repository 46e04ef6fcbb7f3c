"""The relay's client side, blocking: :class:`Device` is told things, :class:`Controller` tells them.

One file on purpose, standard library only, Python 3.7 or newer: copy it to a Raspberry Pi and ``from relay import Device``.
It imports nothing of netd and knows no server but by what goes over the wire (``docs/protocols/relay.md``). What is pure
here (frames, envelopes, the old dialect's answers, backoff) serves :mod:`netd.client.relay_asyncio` too.

Two dialects: ``"netd"`` has names, answers and deadlines; ``"old"`` is all that older servers know. ``"auto"`` tries the first
and falls back to the second when no welcome comes within 3 seconds, or something that is no welcome. That a server is old is
remembered for 10 minutes, or until it cannot be reached (it may come back as a netd); then the new dialect is tried again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import math
import random
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

__all__ = [
    "ConnectionLost",
    "Controller",
    "Denied",
    "Device",
    "DeviceInfo",
    "FramingLost",
    "Message",
    "NameTaken",
    "NoSuchDevice",
    "NoWelcome",
    "NotConnected",
    "NotInTime",
    "Outcome",
    "Refused",
    "RelayError",
    "Surroundings",
    "Welcome",
]

AUTO, NETD, OLD = "auto", "netd", "old"

HEADER_SIZE = 64
GREATEST_PAYLOAD = 9_999_999
"""Bytes: what the seven digits of a header can say. A server's own ``max_payload`` is usually less."""

GREATEST_ENVELOPE = 64 * 1024
CONNECT_TIMEOUT = 10.0
WELCOME_TIMEOUT = 3.0
FAREWELL = 1.0
"""Seconds that hanging up takes at most: until then, the other side may read what was said last, and hang up itself."""

ANSWER_TIMEOUT = 60.0
"""Seconds that a controller waits for the server itself, beyond the deadline that it gave the device."""

OLD_ANSWER_TIMEOUT = 40.0
"""Seconds that a controller waits in the old dialect: somewhat more than the 30 s that a netd gives a device to take a frame."""

PING = 15
"""Seconds between two pings that a device asks for: one that only reads learns from them that the relay is gone."""

BEATS = 3
"""Pings that may be missing before it is."""

OLD_REMEMBERED = 600.0
GOODBYE = b"|disconnect|"


class RelayError(Exception):
    """Base of everything that went wrong between this program and the relay; ``str()`` of it is fit for a person."""


class NotConnected(RelayError):
    """The relay cannot be reached, or this client was closed. Nothing was sent."""


class ConnectionLost(RelayError):
    """The connection to the relay ended."""


class NameTaken(ConnectionLost):
    """Another device has connected with the name that this one has, and the relay has closed this connection for it."""


class FramingLost(RelayError):
    """What came is neither a frame nor an envelope: the connection is of no more use."""


class NotInTime(RelayError):
    """The relay did not answer in time."""


class NoWelcome(RelayError):
    """The server does not speak the new dialect."""


class Refused(RelayError):
    """The relay understood the hello and turned it down; the text is the relay's."""


class Denied(Refused):
    """Somebody else holds the name that this device says; the text says who, and since when."""


class NoSuchDevice(RelayError):
    """The relay knows no device of that name or address, or it is away."""


# --- Frames and envelopes: pure ---------------------------------------------------------------------------------------


class FrameDecoder:
    """Cuts a byte stream into payloads, however the stream was cut into segments."""

    _header = re.compile(rb"([0-9]{1,7})[ \0]*")

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, received: bytes) -> None:
        """Take in bytes as they came."""
        self._received += received

    def next_frame(self) -> bytes | None:
        """The next payload, or None while it is not complete.

        :raises FramingLost: when what should be a header is none.
        """
        if len(self._received) < HEADER_SIZE:
            return None
        header = bytes(self._received[:HEADER_SIZE])
        match = self._header.fullmatch(header)
        if match is None:
            raise FramingLost(f"not a frame header: {header!r}; is that a relay's port?")
        end = HEADER_SIZE + int(match.group(1))
        if len(self._received) < end:
            return None
        payload = bytes(self._received[HEADER_SIZE:end])
        del self._received[:end]
        return payload


def frame(payload: bytes) -> bytes:
    """A header and *payload*.

    :raises ValueError: when a header cannot say that length.
    """
    if len(payload) > GREATEST_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes is too long: at most {GREATEST_PAYLOAD} fit into a frame")
    return str(len(payload)).encode("ascii").ljust(HEADER_SIZE) + payload


def as_bytes(payload: bytes | str) -> bytes:
    """*payload*, text as UTF-8.

    :raises TypeError: for anything else: ``bytes(5)`` would be five zero bytes.
    """
    if isinstance(payload, str):
        return payload.encode("utf-8")
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"a payload is bytes or str, not {type(payload).__name__}")


def message_frames(envelope: dict[str, Any], payload: bytes = b"") -> bytes:
    """An envelope and its payload, as two frames.

    :raises ValueError: when either is too long.
    """
    text = json.dumps(envelope, allow_nan=False).encode("ascii")
    if len(text) > GREATEST_ENVELOPE:
        raise ValueError(f"an envelope of {len(text)} bytes is too long: at most {GREATEST_ENVELOPE}")
    return frame(text) + frame(payload)


def read_envelope(payload: bytes) -> dict[str, Any]:
    """The JSON object in a frame.

    :raises FramingLost: when it is none, quoting the beginning: old servers say what is wrong as ``|error: …|``.
    """
    try:
        envelope = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        envelope = None
    if not isinstance(envelope, dict):
        raise FramingLost(f"not an envelope: {payload[:200]!r}")
    return envelope


def complaint(envelope: dict[str, Any]) -> ConnectionLost | None:
    """The error that the server says about the connection itself, not about one request; None for anything else."""
    if "id" in envelope or envelope.get("status") != "error":
        return None
    lost = NameTaken if envelope.get("replaced") is True else ConnectionLost
    return lost(f"the relay said: {envelope.get('error')}")


class Welcome(NamedTuple):
    """What is known of a fresh connection.

    :ivar dialect: ``"netd"`` or ``"old"``.
    :ivar name: the device's name as the relay knows it; None where there is none, as always in the old dialect.
    :ivar address: this side's address as the relay sees it; None in the old dialect.
    :ivar generation: grows with each connection of a name; None where the relay says none.
    :ivar ping: seconds between two signs of life that the relay gives; None where it gives none.
    """

    dialect: str
    name: str | None = None
    address: str | None = None
    generation: int | None = None
    ping: float | None = None


def read_welcome(envelope: dict[str, Any]) -> Welcome:
    """The server's answer to a hello.

    :raises Refused: when the server says why not; :class:`Denied` when the name is somebody else's.
    :raises NoWelcome: when it is something else.
    """
    if envelope.get("status") == "error":
        refused = Denied if envelope.get("denied") is True else Refused
        raise refused(f"the relay refused: {envelope.get('error')}")
    if envelope.get("status") != "welcome":
        raise NoWelcome(f"not a welcome: {envelope!r}")
    said = [envelope.get(member) for member in ("address", "generation", "ping")]
    return Welcome(NETD, envelope.get("name") or None, *said)


def longest_silence(welcome: Welcome) -> float | None:
    """Seconds after which a relay that has said nothing is gone; None where it may be silent for ever."""
    ping = welcome.ping
    return BEATS * ping if isinstance(ping, (int, float)) and ping > 0 else None


def gone(silence: float | None) -> ConnectionLost:
    """The relay has said nothing for so long."""
    return ConnectionLost(f"the relay gave no sign of life for {silence:g} s")


# --- What a device says: pure -----------------------------------------------------------------------------------------


def device_hello(name: str | None, aliases: Sequence[str]) -> bytes:
    """The first frame of a device in the new dialect.

    :raises ValueError: when a name is not 1 to 63 characters of ``[A-Za-z0-9_-]``.
    """
    for said in [*aliases, *([] if name is None else [name])]:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", said):
            raise ValueError(f"{said!r} cannot name a device: 1 to 63 letters, digits, _ and - can")
    members: dict[str, Any] = {} if name is None else {"name": name}
    if aliases:
        members["aliases"] = list(aliases)
    members["ping"] = PING
    return b"device " + json.dumps(members).encode("ascii")


def answer_frames(number: object, payload: bytes | str) -> bytes:
    """A device's answer to request *number*."""
    return message_frames({"id": number, "status": "acknowledged"}, as_bytes(payload))


def refusal_frames(number: object, error: str, payload: bytes | str) -> bytes:
    """A device's refusal of request *number*; the first 1000 characters of *error* travel."""
    return message_frames({"id": number, "status": "failed", "error": error[:1000]}, as_bytes(payload))


def news_frames(dialect: str, payload: bytes | str, event: str | None) -> bytes:
    """What a device says of its own accord. The old dialect cannot carry *event*: there, the payload travels alone."""
    if dialect == OLD:
        return frame(as_bytes(payload))
    return message_frames({} if event is None else {"event": event}, as_bytes(payload))


# --- What a controller says and hears: pure ---------------------------------------------------------------------------

CONTROLLER_HELLO = b"controller {}"


class Outcome(NamedTuple):
    """What became of a request.

    :ivar status: one of

        - ``sent``: the operating system has taken it for the device's connection; an old device can tell no more;
        - ``acknowledged``: the device answered;
        - ``failed``: it did not get there, the device refused, or nobody can know: ``error`` says which;
        - ``expired``: the deadline passed before the device answered;
        - ``queued``: the device is away and the relay keeps it.
    :ivar answer: the device's answer, or what it sent with its refusal.
    :ivar error: why it failed; empty otherwise.
    """

    status: str
    answer: bytes = b""
    error: str = ""


class DeviceInfo(NamedTuple):
    """One device of the relay's list. ``str()`` of it is what :meth:`Controller.send` takes, as is the object itself.

    An old server tells the address alone (and keeps devices that have left); the rest is None or empty then.

    :ivar last_seen: as the relay says it.
    :ivar answers: whether the device can answer, that is, speaks the new dialect.
    """

    name: str | None
    address: str
    online: bool | None = None
    generation: int | None = None
    last_seen: Any = None
    aliases: tuple[str, ...] = ()
    answers: bool | None = None

    def __str__(self) -> str:
        return self.name or self.address

    def is_called(self, target: str) -> bool:
        """Whether *target* means this device: its name, an alias, or its address in any spelling."""
        return target in (self.name, *self.aliases) or whole_address(target) == whole_address(self.address)


def read_devices(envelope: dict[str, Any]) -> list[DeviceInfo]:
    """The devices in the answer to a list request.

    :raises RelayError: when the server could not list, or the list is not one.
    """
    if envelope.get("status") != "list":
        raise RelayError(f"the relay cannot list its devices: {envelope.get('error') or envelope.get('status')}")
    try:
        return [_device_info(**entry) for entry in envelope["devices"]]
    except (KeyError, TypeError, ValueError):
        raise RelayError(f"the relay's list of devices is not as documented: {envelope!r:.200}") from None


def _device_info(address: str | None, name: str | None = None, aliases: Sequence[str] = (), **facts: Any) -> DeviceInfo:
    known = {fact: facts[fact] for fact in ("online", "generation", "last_seen", "answers") if fact in facts}
    return DeviceInfo(name or None, address or "", aliases=tuple(aliases), **known)


def request_members(target: str, deadline: float | None) -> dict[str, Any]:
    """The envelope of a request, still without its id.

    :param deadline: seconds from the relay's receipt; None takes the relay's own ``answer_timeout``.
    :raises ValueError: when *deadline* is not a positive number.
    """
    if deadline is None:
        return {"to": target}
    if not (deadline > 0 and math.isfinite(deadline)):
        raise ValueError(f"deadline: {deadline!r} is not a positive number of seconds")
    return {"to": target, "deadline": deadline}


def is_last_word(envelope: dict[str, Any]) -> bool:
    """Whether nothing more follows about this request."""
    return envelope.get("final") is True or envelope.get("status") == "list"


def read_outcome(envelope: dict[str, Any], payload: bytes) -> Outcome:
    """The outcome in the last envelope about a request."""
    status, error = envelope.get("status"), str(envelope.get("error") or "")
    if status in ("sent", "acknowledged", "expired", "queued"):
        return Outcome(status, payload)
    return Outcome("failed", payload, error or f"the relay gave no reason (status {status!r})")


def unknown_fate(target: str, error: RelayError) -> Outcome:
    """The outcome of a request that was written and never heard of again."""
    return Outcome("failed", error=f"{error}; it is unknown whether this reached {target}")


# --- The old dialect: pure --------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"""[\s'"(]*([^\s'"(),:]+)['"]?\s*[,:]\s*([0-9]{1,5})[\s'")]*""")


def whole_address(target: str) -> str:
    """*target* as the server spells it, ``('127.0.0.1', 50412)``, when it is a host and a port; else as it is."""
    match = _ADDRESS.fullmatch(target)
    return f"('{match.group(1)}', {int(match.group(2))})" if match else target.strip()


def old_target(target: str) -> bytes:
    """A target field.

    An old server takes part of an address for the whole, and then sends to every device that has this part: so parts are refused.

    :raises ValueError: when *target* is part of an address, or longer than the 64 bytes of the field.
    """
    spelled = whole_address(target)
    if not spelled.startswith("(") and not any(character.isalpha() for character in spelled):
        raise ValueError(f"{target!r} is not a whole address: name host and port, such as 127.0.0.1:50412")
    field = spelled.encode("utf-8")
    if len(field) > HEADER_SIZE:
        raise ValueError(f"{target!r} is too long: a target is at most {HEADER_SIZE} bytes")
    return field.ljust(HEADER_SIZE)


def old_list() -> bytes:
    """The event that asks for the list."""
    return frame(b"python") + b"|no target|".ljust(HEADER_SIZE)


def old_connect(target: str) -> bytes:
    """The event that asks whether *target* is there, spelled as the old programs spell it."""
    return frame(b"python") + old_target(target) + frame(b"conecting")


def old_send(target: str, payload: bytes) -> bytes:
    """The event that sends *payload* to *target*.

    :raises ValueError: for a payload that an old server takes for a connect event.
    """
    if payload == b"conecting":
        raise ValueError("the old dialect cannot send b'conecting': it means connect there")
    return frame(b"python") + old_target(target) + frame(payload)


def read_old_outcome(answer: bytes) -> Outcome:
    """What the answer to a send event means."""
    text = answer.decode("utf-8", "replace").strip()
    if text == "data succesfully sent":
        return Outcome("sent")
    if text == "|queued|":
        return Outcome("queued")
    return Outcome("failed", error=text.strip("|") or "the relay gave no reason")


def read_old_connect(target: str, answer: bytes) -> str:
    """The address in the answer to a connect event.

    :raises NoSuchDevice: when it is another answer.
    """
    text = answer.decode("utf-8", "replace").strip().strip("|")
    if not text.startswith("connected to "):
        raise NoSuchDevice(f"{target}: {text}")
    return text[len("connected to ") :]


def read_old_list(answer: bytes) -> list[DeviceInfo]:
    """The devices in ``('127.0.0.1', 50412),('127.0.0.1', 50413),``: there are commas inside the items. Each once.

    A relay that lists names (``greenhouse,127.0.0.1:50413,``) is understood as well.

    :raises RelayError: for an ``|error: …|``.
    """
    text = answer.decode("utf-8", "replace").strip()
    if text == "|no raspberrypies|":
        return []
    if text.startswith("|"):
        raise RelayError(f"the relay cannot list its devices: {text.strip('|')}")
    items = (item.strip() for item in re.findall(r"\([^()]*\)|[^,()]+", text))
    return [_old_device(item) for item in dict.fromkeys(items) if item]


def _old_device(item: str) -> DeviceInfo:
    address = whole_address(item)
    return DeviceInfo(None, address) if address.startswith("(") else DeviceInfo(item, item)


# --- When to connect, and how: no I/O ---------------------------------------------------------------------------------


class Backoff:
    """How long to wait before the next attempt: 0.5 s, doubled up to 30 s, each multiplied by chance ("full jitter").

    A connection that lasted 10 s begins anew at 0.5 s. One that ended because another device took the name is followed by 15 to
    30 s: two devices of one name would else push each other out as fast as they can. Where somebody else holds the name, it is
    asked for again after 60 to 75 s.

    :param chance: a number from 0 up to 1.
    """

    FIRST, GREATEST, LASTED, DENIED = 0.5, 30.0, 10.0, 60.0

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._ceiling = self.FIRST

    def delay(self, lasted: float, error: RelayError | None = None) -> float:
        """Seconds to wait now that a connection ended after *lasted* seconds (0 when there was none).

        :param error: why it ended.
        """
        if isinstance(error, Denied):
            return (1 + self._chance() / 4) * self.DENIED
        if isinstance(error, NameTaken):
            self._ceiling = self.GREATEST
            return (1 + self._chance()) / 2 * self.GREATEST
        if lasted >= self.LASTED:
            self._ceiling = self.FIRST
        delay = self._chance() * self._ceiling
        self._ceiling = min(2 * self._ceiling, self.GREATEST)
        return delay


class DialectMemory:
    """Which dialect to open the next connection in.

    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``.
    :raises ValueError: when it is none of these.
    """

    def __init__(self, dialect: str, clock: Callable[[], float]) -> None:
        if dialect not in (AUTO, NETD, OLD):
            raise ValueError(f"dialect: {dialect!r} is none of auto, netd, old")
        self._dialect = dialect
        self._clock = clock
        self._old_until: float | None = None

    def choice(self) -> str:
        """The dialect to try first."""
        if self._dialect != AUTO:
            return self._dialect
        return OLD if self._old_until is not None and self._clock() < self._old_until else NETD

    def no_welcome(self) -> bool:
        """Note that the server gave no welcome.

        :returns: whether the old dialect is worth a try.
        """
        self._old_until = self._clock() + OLD_REMEMBERED
        return self._dialect == AUTO

    def unreachable(self) -> None:
        """Note that nobody listens: who comes back may be another server."""
        self._old_until = None


def check_port(port: int) -> None:
    """Refuse what is no port to connect to.

    :raises ValueError: when *port* is not between 1 and 65535.
    """
    if not 0 < port < 65536:
        raise ValueError(f"port: {port!r} is not between 1 and 65535")


# --- Sockets ----------------------------------------------------------------------------------------------------------


def tune(connection: socket.socket) -> None:
    """Send at once, and find out within some 90 s that the other side is gone without a word."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Not every system has these. The last is in milliseconds; it holds where unsent bytes keep keepalive from probing.
    for option, amount in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 90_000)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), amount)


def open_socket(host: str, port: int) -> socket.socket:
    """A connected, tuned TCP socket.

    :raises OSError: when there is no connection within 10 s.
    """
    connection = socket.create_connection((host, port), CONNECT_TIMEOUT)
    tune(connection)
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


def wait_until_readable(connection: socket.socket, seconds: float) -> bool:
    """Wait until *connection* has something to read, or has ended, at most so many seconds; False when it has not."""
    # poll() looks at the descriptor again when it is woken, and so sees that another thread has closed it. epoll forgets a closed
    # descriptor, and would wait on.
    try:
        with getattr(selectors, "PollSelector", selectors.SelectSelector)() as selector:
            selector.register(connection, selectors.EVENT_READ)
            return bool(selector.select(seconds))
    except ValueError as error:  # another thread has closed it
        raise ConnectionAbortedError("this client has hung up") from error


class Surroundings(NamedTuple):
    """The outside world of a client, so that tests can hand in another.

    :ivar connect: opens a socket to host and port.
    :ivar clock: seconds that only grow.
    :ivar chance: a number from 0 up to 1.
    :ivar pause: waits for the event, at most so many seconds.
    :ivar is_readable: waits until the socket has something to read, at most so many seconds; False when it has not.
    """

    connect: Callable[[str, int], socket.socket] = open_socket
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    pause: Callable[[threading.Event, float], object] = threading.Event.wait
    is_readable: Callable[[socket.socket, float], bool] = wait_until_readable


class Wire:
    """Whole frames in and out of one socket. One thread reads; any thread writes and closes.

    :ivar longest_silence: seconds that the server may say nothing while it is waited for without an end; None for ever.
    """

    def __init__(self, connection: socket.socket, dialect: str, surroundings: Surroundings) -> None:
        self.dialect = dialect
        self.longest_silence: float | None = None
        self._connection = connection
        self._clock = surroundings.clock
        self._is_readable = surroundings.is_readable
        self._frames = FrameDecoder()
        self._writing = threading.Lock()
        self._timing = threading.RLock()
        self._is_leaving = False
        self._patience = FAREWELL

    def write(self, frames: bytes, end: float | None = None) -> None:
        """Hand *frames* to the operating system, all of them, not mixed with what another thread writes.

        :param end: when to give up, by the clock (None: never); only where no other thread reads: a socket has one timeout.
        :raises ConnectionLost: when that cannot be done.
        """
        try:
            with self._writing:
                self._set_timeout(None if end is None else max(end - self._clock(), 0.001))
                self._connection.sendall(frames)
        except OSError as error:
            raise ConnectionLost(f"the connection to the relay broke: {error}") from error

    def read(self, end: float | None = None) -> bytes:
        """The next payload; waits for it until the clock says *end* (None: for ever, or until :meth:`close`).

        :raises NotInTime: when *end* has come first.
        :raises ConnectionLost: when the connection ended first.
        :raises FramingLost: when what comes is no frame.
        """
        while True:
            payload = self._frames.next_frame()
            if payload is not None:
                return payload
            self._frames.feed(self._receive(end))

    def read_message(self, end: float | None = None) -> tuple[dict[str, Any], bytes]:
        """The next envelope and its payload; raises what :meth:`read` raises."""
        envelope = read_envelope(self.read(end))
        return envelope, self.read(end)

    def _receive(self, end: float | None) -> bytes:
        seconds = None if end is None else end - self._clock()
        if seconds is not None and seconds <= 0:
            raise self._not_in_time()
        try:
            if seconds is None:
                self._await_sign_of_life()
            self._set_timeout(seconds)
            received = self._connection.recv(65536)
        except socket.timeout:  # noqa: UP041 - before Python 3.10 these are two
            raise self._not_in_time() from None
        except OSError as error:
            raise ConnectionLost(f"the connection to the relay broke: {error}") from error
        if not received:
            raise ConnectionLost("the relay closed the connection")
        return received

    def _await_sign_of_life(self) -> None:
        """Wait for whatever comes; not by the socket's own timeout, which is that of the threads that write, too."""
        if self.longest_silence is not None and not self._is_readable(self._connection, self.longest_silence):
            self._patience = 0.0
            raise gone(self.longest_silence)

    def _not_in_time(self) -> NotInTime:
        self._patience = 0.0  # it has had its time: the end of the connection is not waited for, too
        return NotInTime("the relay did not answer in time")

    def is_open(self) -> bool:
        """Whether the other side has not hung up meanwhile; does not wait. What has come is kept for :meth:`read`."""
        try:
            self._set_timeout(0)
            while True:
                received = self._connection.recv(65536)
                if not received:
                    return False
                self._frames.feed(received)
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Say goodbye where the dialect has a word for it, and hang up once the server has read what was said, within a second.

        Wakes the thread that reads. Twice is harmless.
        """
        with self._timing:
            was_leaving, self._is_leaving = self._is_leaving, True
        if was_leaving:
            return
        end = self._clock() + self._patience
        if self._writing.acquire(timeout=self._patience):  # not in the middle of another thread's frame
            with contextlib.suppress(OSError):  # the other side was first
                if self.dialect == OLD:  # an old server's thread may spin for ever on a connection that ends without this word
                    self._connection.settimeout(max(end - self._clock(), 0.001))
                    self._connection.sendall(frame(GOODBYE))
            self._writing.release()
        leave(self._connection, end, self._clock)

    def _set_timeout(self, seconds: float | None) -> None:
        """How long the next call may take; raises ``OSError`` when the thread that hangs up has the socket to itself."""
        with self._timing:
            if self._is_leaving:
                raise ConnectionAbortedError("this client has hung up")
            self._connection.settimeout(seconds)


class Line:
    """The way to the relay: at most one wire at a time, opened in the dialect that the server understands.

    :param hello: the first frame's payload in the new dialect.
    :param old_type: the first frame's payload in the old one; empty when none is sent before the first event.
    """

    def __init__(self, host: str, port: int, dialect: str, hello: bytes, old_type: bytes, surroundings: Surroundings) -> None:
        check_port(port)
        self.closed = threading.Event()
        self._place = (host, port)
        self._memory = DialectMemory(dialect, surroundings.clock)
        self._hello = hello
        self._old_type = old_type
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._wire: Wire | None = None

    def open(self) -> tuple[Wire, Welcome]:
        """A fresh wire, greeted, instead of the one before.

        :raises RelayError: when there is none to be had.
        """
        try:
            return self._open()
        except RelayError:
            self.hang_up()
            raise

    def _open(self) -> tuple[Wire, Welcome]:
        if self._memory.choice() == NETD:
            wire = self._dial(NETD)
            try:
                return wire, self._greet(wire)
            except NoWelcome:
                if not self._memory.no_welcome():
                    raise
        wire = self._dial(OLD)
        if self._old_type:
            wire.write(frame(self._old_type))
        return wire, Welcome(OLD)

    def _greet(self, wire: Wire) -> Welcome:
        end = self._surroundings.clock() + WELCOME_TIMEOUT
        try:
            wire.write(frame(self._hello), end)
            welcome = read_welcome(wire.read_message(end)[0])
            wire.longest_silence = longest_silence(welcome)
            return welcome
        except (ConnectionLost, FramingLost, NotInTime) as error:
            raise NoWelcome(f"no welcome from the server, which may speak the old dialect only: {error}") from error

    def _dial(self, dialect: str) -> Wire:
        self.hang_up()
        if self.closed.is_set():
            raise NotConnected("this client was closed")
        host, port = self._place
        try:
            connection = self._surroundings.connect(host, port)
        except (OSError, UnicodeError) as error:
            self._memory.unreachable()
            raise NotConnected(f"cannot reach the relay at {host}:{port}: {error}") from error
        wire = Wire(connection, dialect, self._surroundings)
        with self._lock:
            self._wire = wire
        if self.closed.is_set():  # since when, nobody knows: close() may have come too early to find this wire
            raise NotConnected("this client was closed")
        return wire

    def hang_up(self) -> None:
        """Close the wire that there is, if any."""
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def close(self) -> None:
        """Hang up for good; whoever waits for the relay, in any thread, is woken: after a second at most."""
        self.closed.set()
        self.hang_up()


# --- Device -----------------------------------------------------------------------------------------------------------


class Message:
    """What a controller sent to this device, to be answered once (nobody waits for an answer in the old dialect).

    :ivar payload: the bytes that the controller sent.
    :ivar sender: the controller's address; None in the old dialect.
    :ivar deadline: seconds, from the relay's receipt, that the controller waits; None where none is said.
    """

    def __init__(self, payload: bytes, wire: Wire, envelope: dict[str, Any] | None = None) -> None:
        self.payload = payload
        self.sender: str | None = envelope.get("from") if envelope else None
        self.deadline: float | None = envelope.get("deadline") if envelope else None
        self._wire = wire
        self._id = envelope["id"] if envelope else None

    def answer(self, payload: bytes | str = b"") -> bool:
        """Acknowledge with *payload*.

        :returns: False when the answer cannot travel: the connection that the message came by is gone, or is of the old dialect.
        """
        return self._reply(answer_frames(self._id, payload))

    def fail(self, error: str, payload: bytes | str = b"") -> bool:
        """Refuse: the controller reads *error*. Returns as :meth:`answer` does."""
        return self._reply(refusal_frames(self._id, error, payload))

    def _reply(self, frames: bytes) -> bool:
        if self._id is None:
            return False
        return _try_to_write(self._wire, frames)


def _try_to_write(wire: Wire, frames: bytes) -> bool:
    try:
        wire.write(frames)
    except ConnectionLost:
        return False
    return True


def reason_of(error: Exception) -> str:
    """What the controller reads when the program's own code raised *error*."""
    return str(error) or type(error).__name__


class Device:
    """A device at the relay; connects again for ever, with backoff, until :meth:`close`.

    :param name: what controllers call it; without one, and always in the old dialect, it is known by its address alone.
    :param aliases: further names.
    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``: see the module.
    :param on_connect: called with a :class:`Welcome` after each connection.
    :param on_disconnect: called with the reason, and the seconds until the next attempt.
    :raises ValueError: when a name, the port or the dialect cannot be.
    """

    _log = logging.getLogger("netd.client.relay")

    def __init__(
        self,
        host: str,
        port: int,
        name: str | None = None,
        aliases: Sequence[str] = (),
        *,
        dialect: str = AUTO,
        on_connect: Callable[[Welcome], object] | None = None,
        on_disconnect: Callable[[str, float], object] | None = None,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._line = Line(host, port, dialect, device_hello(name, aliases), b"raspberrypi", surroundings)
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._surroundings = surroundings
        self._backoff = Backoff(surroundings.chance)
        self._wire: Wire | None = None
        self._connected_at = 0.0

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def run(self, receive: Callable[[bytes], bytes | str | None]) -> None:
        """Call *receive* with each payload, in order, until :meth:`close`.

        What it returns is the answer (None: an empty one). When it raises, the controller reads that it failed and why, the
        program's log has the traceback, and the next message is waited for.
        """
        for message in self:
            try:
                answer = receive(message.payload)
                message.answer(b"" if answer is None else answer)
            except Exception as error:
                self._log.exception("a message could not be handled")
                message.fail(reason_of(error))

    def __iter__(self) -> Iterator[Message]:
        """Each message as it comes, over all connections, until :meth:`close`. Iterating anew goes on with the connection."""
        while not self._line.closed.is_set():
            try:
                yield from self._messages(self._wire or self._connect())
            except RelayError as error:
                self._disconnected(error)

    def say(self, payload: bytes | str, event: str | None = None) -> bool:
        """Publish news: the relay puts *payload* on the bus. From any thread.

        :param event: what it is about; the old dialect cannot carry it.
        :returns: False when there is no connection: news is not kept.
        """
        wire = self._wire
        return wire is not None and _try_to_write(wire, news_frames(wire.dialect, payload, event))

    def close(self) -> None:
        """Leave for good, from any thread; iterating ends. During an attempt to connect, it ends within 10 s.

        Returns when the relay has read what was said last, after a second at most.
        """
        self._line.close()

    def _connect(self) -> Wire:
        wire, welcome = self._line.open()
        self._wire, self._connected_at = wire, self._surroundings.clock()
        self._log.info("connected, dialect %s, name %r", welcome.dialect, welcome.name)
        if self._on_connect is not None:
            self._on_connect(welcome)
        return wire

    def _disconnected(self, error: RelayError) -> None:
        was_connected, self._wire = self._wire is not None, None
        self._line.hang_up()
        if self._line.closed.is_set():
            return
        lasted = self._surroundings.clock() - self._connected_at if was_connected else 0.0
        reason, delay = str(error), self._backoff.delay(lasted, error)
        self._log.warning("%s; next attempt in %.1f s", reason, delay)
        if self._on_disconnect is not None:
            self._on_disconnect(reason, delay)
        self._surroundings.pause(self._line.closed, delay)

    @staticmethod
    def _messages(wire: Wire) -> Iterator[Message]:
        while wire.dialect == OLD:
            yield Message(wire.read(), wire)
        while True:
            envelope, payload = wire.read_message()
            lost = complaint(envelope)
            if lost is not None:
                raise lost
            if "id" in envelope:
                yield Message(payload, wire, envelope)


# --- Controller -------------------------------------------------------------------------------------------------------


class Controller:
    """Sends to devices and says what became of it. One request at a time; threads take turns.

    The connection is made by the first call, and again by the next call after it was lost. A request is never repeated.
    In the old dialect each event has a connection of its own: an old server may answer one event several times (once per
    device whose address looks like the target), and nothing tells the second answer from that to the next event.

    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``: see the module.
    :ivar dialect: what the last connection speaks, ``"netd"`` or ``"old"``; empty before there was one.
    :raises ValueError: when the port or the dialect cannot be.
    """

    def __init__(
        self,
        host: str,
        port: int,
        dialect: str = AUTO,
        *,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self.dialect = ""
        self._line = Line(host, port, dialect, CONTROLLER_HELLO, b"", surroundings)
        self._clock = surroundings.clock
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)
        self._wire: Wire | None = None

    def __enter__(self) -> Controller:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up for good, from any thread; a call that waits ends, too, after a second at most."""
        self._line.close()

    def devices(self) -> list[DeviceInfo]:
        """The devices that the relay knows.

        :raises RelayError: when the list cannot be had.
        """
        with self._turn:
            wire = self._ready()
            if wire.dialect == OLD:
                return read_old_list(self._event(wire, old_list))
            return read_devices(self._request(wire, {"list": True}, b"", ANSWER_TIMEOUT)[0])

    def connect(self, target: str | DeviceInfo) -> str:
        """Ask whether a device is there, as programs for old servers do before they send; newer ones need not.

        :returns: its address, as the relay says it.
        :raises NoSuchDevice: when the relay does not know it, or it is away.
        :raises RelayError: when the relay cannot be asked.
        """
        with self._turn:
            wire = self._ready()
            if wire.dialect == OLD:
                return read_old_connect(str(target), self._event(wire, lambda: old_connect(str(target))))
            return find_online(self._request(wire, {"list": True}, b"", ANSWER_TIMEOUT)[0], str(target))

    def send(self, target: str | DeviceInfo, payload: bytes | str, deadline: float | None = None) -> Outcome:
        """Send *payload* to a device, and wait for what becomes of it.

        :param target: a device's name, alias or address in any spelling, or an entry of :meth:`devices`.
        :param deadline: seconds that the device has to answer; None leaves it to the relay. Old servers know none.
        :raises ValueError: when an argument cannot be sent.
        :raises NotConnected: when the relay cannot be reached; nothing was sent.
        :raises RelayError: when the relay does not let this controller in; nothing was sent.
        """
        device, content, members = str(target), as_bytes(payload), request_members(str(target), deadline)
        frame(content)  # too long: say so before there is a connection
        with self._turn:
            wire = self._ready()
            try:
                if wire.dialect == OLD:
                    return read_old_outcome(self._event(wire, lambda: old_send(device, content)))
                return read_outcome(*self._request(wire, members, content, ANSWER_TIMEOUT + (deadline or 0.0)))
            except (ConnectionLost, FramingLost, NotInTime) as error:
                return unknown_fate(device, error)

    def _ready(self) -> Wire:
        if self._wire is None or not self._wire.is_open():
            self._wire = None
            self._wire, welcome = self._line.open()
            self.dialect = welcome.dialect
        return self._wire

    def _event(self, wire: Wire, event: Callable[[], bytes]) -> bytes:
        end = self._clock() + OLD_ANSWER_TIMEOUT
        try:
            wire.write(event(), end)
            return wire.read(end)
        finally:
            self._drop()

    def _request(self, wire: Wire, members: dict[str, Any], payload: bytes, patience: float) -> tuple[dict[str, Any], bytes]:
        number = next(self._numbers)
        request = message_frames({"id": number, **members}, payload)
        end = self._clock() + patience
        try:
            wire.write(request, end)
            while True:
                envelope, answer = wire.read_message(end)
                lost = complaint(envelope)
                if lost is not None:
                    raise lost
                if envelope.get("id") == number and is_last_word(envelope):
                    return envelope, answer
        except RelayError:
            self._drop()
            raise

    def _drop(self) -> None:
        self._wire = None
        self._line.hang_up()


def find_online(envelope: dict[str, Any], target: str) -> str:
    """The address of the device called *target* in the answer to a list request.

    :raises NoSuchDevice: when it is not listed, or listed as away.
    """
    for device in read_devices(envelope):
        if device.is_called(target):
            if device.online is False:
                raise NoSuchDevice(f"{target}: the device is away")
            return device.address
    raise NoSuchDevice(f"{target}: target not found")
