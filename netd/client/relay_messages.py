"""Messages between a relay and its clients: frames, envelopes and their contents (``docs/protocols/relay.md``)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from netd.client.token import Denial
from netd.client.way import Server

AUTO, NETD, OLD = "auto", "netd", "old"

HEADER_SIZE = 64
GREATEST_PAYLOAD = 9_999_999
"""Bytes: what the seven digits of a header can say. A server's own ``max_payload`` is usually less."""

GREATEST_ENVELOPE = 64 * 1024
PING = 15
"""Seconds between two pings that a device asks for: one that only reads learns from them that the relay is gone."""

BEATS = 3
"""Pings that may be missing before it is."""


class RelayError(Exception):
    """Base of everything that went wrong between this program and the relay; ``str()`` of it is fit for a person."""


class NotConnected(RelayError):
    """The relay cannot be reached, or this client was closed. Nothing was sent."""


class ConnectionLost(RelayError):
    """The connection to the relay ended."""


class NameTaken(ConnectionLost):
    """Another device has connected with the name that this one has, and the relay has closed this connection for it."""


class FramingLost(RelayError):
    """The relay has sent neither a frame nor an envelope. The connection cannot be used any more."""


class NotInTime(RelayError):
    """The relay did not answer in time."""


class NoWelcome(RelayError):
    """The server has not given the welcome of the new dialect.

    :ivar is_closed: whether it has hung up instead, or said an error: that may have other reasons than the dialect.
    """

    def __init__(self, text: str, is_closed: bool = False) -> None:
        super().__init__(text)
        self.is_closed = is_closed


class Refused(RelayError):
    """The relay understood the hello and turned it down; the text is the relay's."""


class Denied(Refused, Denial):
    """The relay does not let this client in, or not under this name. The text says why, and what it takes."""


class NotAnEnvelope(FramingLost):
    """The relay has sent a frame that is no envelope.

    :ivar payload: that of the frame.
    """

    def __init__(self, payload: bytes) -> None:
        super().__init__(f"not an envelope: {payload[:200]!r}")
        self.payload = payload


class NoSuchDevice(RelayError):
    """The relay knows no device of that name or address, or it is away."""


RELAY = Server("the relay", NotConnected, ConnectionLost, NotInTime)


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

    def put_back(self, payload: bytes) -> None:
        """Have the next frame be *payload*, which was taken already."""
        self._received[:0] = frame(payload)


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
        raise NotAnEnvelope(payload)
    return envelope


def old_denial(payload: bytes) -> Denied:
    """What it means that the relay says *payload*, ``|error: …|``, in whichever dialect it is spoken to."""
    return Denied(f"the relay refused: {payload.decode('utf-8', 'replace').strip('|')}")


def complaint(envelope: dict[str, Any]) -> ConnectionLost | None:
    """The error that the server says about the connection itself, not about one request; None for anything else."""
    if "id" in envelope or envelope.get("status") != "error":
        return None
    lost = NameTaken if envelope.get("replaced") is True else ConnectionLost
    return lost(f"the relay said: {envelope.get('error')}")


class Welcome(NamedTuple):
    """The facts about a new connection.

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


# --- What a device says -------------------------------------------------------------------------------------------------


def check_device_names(name: str | None, aliases: Sequence[str]) -> None:
    """:raises ValueError: when a name is not 1 to 63 characters of ``[A-Za-z0-9_-]``."""
    for said in [*aliases, *([] if name is None else [name])]:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", said):
            raise ValueError(f"{said!r} cannot name a device: 1 to 63 letters, digits, _ and - can")


def check_ping(ping: float | None) -> None:
    """:raises ValueError: when *ping* is no number of seconds that a relay grants."""
    if ping is not None and not 1 <= ping <= 3600:  # what a relay grants
        raise ValueError(f"ping: {ping!r} is not between 1 and 3600 seconds; None asks for no pings")


def device_hello(name: str | None, aliases: Sequence[str], token: str | None = None, ping: float | None = PING) -> bytes:
    """The first frame of a device in the new dialect.

    :param ping: seconds between two signs of life that the relay is asked for; None for none.
    """
    members: dict[str, Any] = {} if name is None else {"name": name}
    if aliases:
        members["aliases"] = list(aliases)
    if ping is not None:
        members["ping"] = ping
    return b"device " + json.dumps(members if token is None else {**members, "token": token}).encode("ascii")


def answer_frames(number: object, payload: bytes | str) -> bytes:
    """A device's answer to request *number*."""
    return message_frames({"id": number, "status": "acknowledged"}, as_bytes(payload))


def refusal_frames(number: object, error: str, payload: bytes | str) -> bytes:
    """A device's refusal of request *number*; the first 1000 characters of *error* travel."""
    return message_frames({"id": number, "status": "failed", "error": error[:1000]}, as_bytes(payload))


def news_frames(dialect: str, payload: bytes | str, event: str | None) -> bytes:
    """Return an event of a device, which answers no request. The old dialect cannot carry *event*, only the payload."""
    if dialect == OLD:
        return frame(as_bytes(payload))
    return message_frames({} if event is None else {"event": event}, as_bytes(payload))


# --- What a controller says and hears -----------------------------------------------------------------------------------

_ADDRESS = re.compile(r"""[\s'"(]*([^\s'"(),:]+)['"]?\s*[,:]\s*([0-9]{1,5})[\s'")]*""")


def whole_address(target: str) -> str:
    """*target* as the server spells it, ``('127.0.0.1', 50412)``, when it is a host and a port; else as it is."""
    match = _ADDRESS.fullmatch(target)
    return f"('{match.group(1)}', {int(match.group(2))})" if match else target.strip()


def controller_hello(token: str | None = None) -> bytes:
    """The first frame of a controller in the new dialect."""
    return b"controller " + json.dumps({} if token is None else {"token": token}).encode("ascii")


class Outcome(NamedTuple):
    """The outcome of a request.

    :ivar status: one of

        - ``sent``: the operating system has taken it for the device's connection; an old device can tell no more;
        - ``acknowledged``: the device answered;
        - ``failed``: the request did not arrive, the device refused it, or neither is known: ``error`` says which;
        - ``expired``: the deadline passed before the device answered;
        - ``queued``: the device is not connected, and the relay keeps the request.
    :ivar answer: the payload of the device's answer or refusal.
    :ivar error: the reason of a failure; empty otherwise.
    :ivar known: of a request that failed or expired, whether it reached the device's connection: ``no`` (it can be sent again),
        ``maybe`` or ``yes``; empty where the relay does not tell, which needs its option ``remote``.
    """

    status: str
    answer: bytes = b""
    error: str = ""
    known: str = ""


class DeviceInfo(NamedTuple):
    """One device of the relay's list. ``str()`` of it is what :meth:`Controller.send` takes, as is the object itself.

    An old server tells the address alone (and keeps devices that have left); the rest is None or empty then.

    :ivar last_seen: as the relay says it.
    :ivar answers: whether the device can answer, that is, speaks the new dialect.
    :ivar node: the other node that has it; None for a device of the relay itself.
    """

    name: str | None
    address: str
    online: bool | None = None
    generation: int | None = None
    last_seen: Any = None
    aliases: tuple[str, ...] = ()
    answers: bool | None = None
    node: str | None = None

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
    known = {fact: facts[fact] for fact in ("online", "generation", "last_seen", "answers", "node") if fact in facts}
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
    status, error, known = envelope.get("status"), str(envelope.get("error") or ""), str(envelope.get("known") or "")
    if status in ("sent", "acknowledged", "expired", "queued"):
        return Outcome(status, payload, known=known)
    return Outcome("failed", payload, error or f"the relay gave no reason (status {status!r})", known)


def unknown_fate(target: str, error: RelayError) -> Outcome:
    """The outcome of a request that was written and never heard of again."""
    return Outcome("failed", error=f"{error}; it is unknown whether this reached {target}", known="maybe")


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
