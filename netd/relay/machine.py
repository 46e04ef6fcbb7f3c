"""One connection of the relay, as a machine: bytes in, answers out through its peer (relay protocol).

The table at the end of :class:`RelayConversation` says which events are allowed in which state; an absent pair is a protocol
error. A controller sends the same type frame and target field before every payload. :meth:`RelayConversation._burst` compares
them with the last ones, without parsing, and takes all whole requests of a read at once. The reference that it must agree with is
:mod:`netd.relay.grammar`; the tests compare the two.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Protocol

from netd.codec.length_header import HEADER, BadHeader, Gatherer, encode_frame, parse_spaced_header
from netd.errors import NotPermitted, ProtocolError, Revoked, TimedOut
from netd.interfaces import IPeer, MachineShell
from netd.plaintext import short_address
from netd.principal import Kind
from netd.relay.answers import NOT_FOUND, Answers
from netd.relay.devices import DeviceLink, NameHeld
from netd.relay.exchange import Exchange
from netd.relay.grammar import (
    CONNECTING,
    Envelope,
    RelayDialect,
    RelayEvent,
    RelayInput,
    encode_pair,
    read_event,
    read_frame,
    read_pair,
)
from netd.relay.requests import RelayRequest, RequestInput, RequestOutcome
from netd.relay.rights import ControllerRights
from netd.relay.target import MalformedTarget, address_text, parse_target

__all__ = ["RelayConversation", "RelayShell", "RelayState"]

NOT_READING = encode_frame(b"|error: the device does not read what was sent before|")

PROGRESS = 1 << 10
"""Progress in bytes after which the frame timeout of an unfinished event starts again."""

AHEAD = 1 << 20
"""Bytes of answers to one read, over which the rest of that read waits until they have been taken. 134 bytes ask for a list of
all devices, so a read of 64 KiB could ask for hundreds of them."""


class RelayState(enum.Enum):
    """The kind of a connection, by what it has sent."""

    FRESH = "newcomer"
    CONTROLLER = "first-dialect controller"
    DEVICE = "first-dialect device"
    NAMED_DEVICE = "second-dialect device"
    NAMED_CONTROLLER = "second-dialect controller"
    OVER = "being closed"


CONTROLLERS = (RelayState.CONTROLLER, RelayState.NAMED_CONTROLLER)

HELLOS = (RelayInput.DEVICE_HELLO, RelayInput.CONTROLLER_HELLO)

READERS: dict[RelayState, Callable[[bytes, int, RelayDialect], RelayEvent | int]] = {
    RelayState.FRESH: read_event,
    RelayState.CONTROLLER: read_event,
    RelayState.DEVICE: read_frame,
    RelayState.NAMED_DEVICE: read_pair,
    RelayState.NAMED_CONTROLLER: read_pair,
}


class RelayShell(MachineShell, Protocol):
    """The shell of a conversation: the connection around it."""

    def address(self) -> tuple[str, int]:
        """Return host and port of the other side. Behind a proxy, they are known once something has come from it."""

    def became_device(self) -> None:
        """Apply the bounds of a device's outbox: the connection is a device now."""

    def device_connected(self, link: DeviceLink) -> None:
        """Log the device."""


RelayAction = Callable[["RelayConversation", RelayEvent], None]


class RelayConversation:
    """The machine of one connection.

    :ivar link: the device, if the connection is one.
    :ivar role: the last state before ``OVER``, for the log.
    """

    __slots__ = (
        "_ahead",
        "_answers",
        "_devices",
        "_exchange",
        "_gatherer",
        "_is_held",
        "_is_timed",
        "_outstanding",
        "_peer",
        "_prefix",
        "_prefix_link",
        "_prefix_version",
        "_progress",
        "_rights",
        "_sender",
        "_shell",
        "_who",
        "link",
        "role",
        "state",
    )

    def __init__(self, exchange: Exchange, peer: IPeer, shell: RelayShell) -> None:
        self._exchange = exchange
        self._devices = exchange.devices
        self._peer = peer
        self._shell = shell
        self._gatherer = Gatherer()
        self._progress = 0
        self._answers: Answers | None = None
        self._sender = self._who = ""
        self._rights: ControllerRights | None = None
        self._ahead = 0
        self._is_held = False
        self._is_timed = True
        self._prefix: bytes | None = None
        self._prefix_link: DeviceLink | None = None
        self._prefix_version = 0
        self._outstanding: dict[object, RelayRequest] | None = None
        self.link: DeviceLink | None = None
        self.state = RelayState.FRESH
        self.role = RelayState.FRESH

    def begin(self) -> None:
        """Start the login timeout: the first byte has come."""
        self._peer.expire_after(self._exchange.rules.login_timeout)

    def receive(self, received: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._gatherer.is_empty:
            gathered: bytes | None = received
            at = 0 if self._prefix is None else self._burst(received, 0, len(received))
            if at == len(received):
                return
        else:
            gathered, at = self._gatherer.take(received), 0
        if gathered is None:
            self._still_unfinished(len(received))
            return
        need, size = 0, len(gathered)
        dialect = self._exchange.dialect
        try:
            while at < size and self.state is not RelayState.OVER:
                if self._prefix is not None:
                    at = self._burst(gathered, at, size)
                    if at == size:
                        break
                event = READERS[self.state](gathered, at, dialect)
                if isinstance(event, int):
                    need = event
                    break
                self._take(event)
                at = event.end
                if self._ahead > AHEAD:
                    self._hold(gathered[at:])
                    return
        except ProtocolError as error:
            self._refuse(error, gathered[at : at + 80])
            return
        if self.state is not RelayState.OVER:
            self._ahead = 0
            self._finish_read(gathered, at, need)

    def drained(self) -> None:
        """Go on with what had to wait: everything that was sent to this connection has been taken."""
        if self.link is not None:
            self.link.cleared()
        if self._is_held:
            self._go_on()

    def expired(self) -> None:
        """Close the connection: an event was not whole in time."""
        if self.state is RelayState.OVER:
            return
        self._refuse(TimedOut("timed out in the middle of a message"), b"")

    def revoke(self, why: Revoked) -> None:
        """Close the connection, because its credential proves nobody any more."""
        if self.state is not RelayState.OVER:
            self._refuse(why, b"")

    def lost(self, reason: str) -> None:
        """Drop everything: the connection is gone."""
        self.state = RelayState.OVER
        self._prefix = self._prefix_link = None
        self._gatherer = Gatherer()
        if self._answers is not None:
            self._answers.forget()
        for request in list((self._outstanding or {}).values()):
            self._exchange.withdraw(request)
        self._outstanding = None
        if self.link is not None:
            self._exchange.disconnect(self.link, reason)

    def _burst(self, received: bytes, at: int, size: int) -> int:
        """Forward all whole sends at *at* that repeat the type frame and target of the last one, and return the offset behind.

        This is the fast path of an old controller. It parses only the length of each payload. Anything unusual ends it, and the
        grammar reads on from there.
        """
        prefix, link = self._prefix, self._prefix_link
        assert prefix is not None and link is not None
        if self._prefix_version != self._devices.version:
            self._prefix = self._prefix_link = None
            return at
        width = len(prefix)
        limit = self._exchange.dialect.max_payload
        frames = []
        while received.startswith(prefix, at):
            start = at + width
            body = start + HEADER
            if body > size:
                break
            try:
                length = parse_spaced_header(received[start:body])
            except BadHeader:
                break  # the grammar finds it again and refuses it, after the good frames before it have been sent
            if length > limit or body + length > size:
                break
            if length == len(CONNECTING) and received.startswith(CONNECTING, body):
                break
            at = body + length
            frames.append(received[start:at])
        if frames:
            self._forward(link, frames)
        return at

    def _take(self, event: RelayEvent) -> None:
        transition = self.TRANSITIONS.get((self.state, event.input))
        if transition is None:
            raise ProtocolError(f"{event.input.value} has no place here: this connection is a {self.state.value}")
        is_first = self.state is RelayState.FRESH
        action, self.state = transition
        if self.state is not RelayState.OVER:
            self.role = self.state
        if is_first:
            self._enter(event)
        action(self, event)

    def _enter(self, event: RelayEvent) -> None:
        """Take the proof of a hello, and make sure that a controller may be one; for a device, the exchange does that."""
        token = event.content.token if event.input in HELLOS else None
        if token is not None:
            self._shell.prove(token, Kind.DEVICE, Kind.USER)
        if self.state in CONTROLLERS:
            self._rights = ControllerRights(self._peer.principal, self._devices, self._exchange.prefix)
            self._rights.check()
        self._shell.identified()

    def _finish_read(self, received: bytes, at: int, need: int) -> None:
        if at < len(received):
            self._progress = 0
            self._gatherer.keep(received[at:], need)
            if at or self.state is not RelayState.FRESH:
                self._peer.expire_after(self._exchange.rules.frame_timeout)
            self._is_timed = True
            self._keep(is_new=at > 0)
        elif self._is_timed:
            self._is_timed = False
            self._peer.expire_after(None)
            self._peer.note_unfinished(0)

    def _hold(self, rest: bytes) -> None:
        """Read *rest* only after the answers so far have been taken: one read has asked for very many bytes."""
        self._is_held = True
        self._gatherer.keep(rest, 0)
        self._is_timed = True
        self._keep(is_new=True)
        self._peer.set_reading(False)
        self._exchange.after_turn(self._go_on)

    def _go_on(self) -> None:
        """Read on, unless something still holds this connection back."""
        if self.state is RelayState.OVER or not (self._answers is None or self._answers.are_given):
            return
        if self._is_held:
            if not self._peer.is_flushed:
                if not self._peer.is_full:  # what this turn brought is taken at its end; a full peer tells when it is drained
                    self._exchange.after_turn(self._go_on)
                return
            self._is_held = False
            self._ahead = 0
            self.receive(b"")
        if not self._is_held:
            self._peer.set_reading(True)

    def _still_unfinished(self, received: int) -> None:
        self._progress += received
        if self._progress >= PROGRESS:
            self._progress = 0
            self._peer.expire_after(self._exchange.rules.frame_timeout)
            self._keep(is_new=False)

    def _keep(self, is_new: bool) -> None:
        if not self._peer.note_unfinished(len(self._gatherer), is_new):
            self._refuse(TimedOut("a message must come at 1 KiB a second at least"), b"")

    # What each input does

    def _do_become_device(self, event: RelayEvent) -> None:
        self._prefix = self._prefix_link = None
        self._shell.became_device()
        self.link = self._exchange.connect(self._peer, *self._shell.address(), event.content)
        self._shell.device_connected(self.link)

    def _do_goodbye(self, event: RelayEvent) -> None:
        self._end("said goodbye")

    def _do_list(self, event: RelayEvent) -> None:
        exchange, rights = self._exchange, self._own_rights
        rights.check_list()
        if not rights.sees_all:
            listed = exchange.devices.list_of(filter(rights.sees, exchange.devices))
        else:
            listed = exchange.abroad.listed() if exchange.rules.remote else exchange.devices.listed
        self._ahead += len(listed)
        self._owe().add(listed)

    def _do_connect(self, event: RelayEvent) -> None:
        link = self._exchange.devices.find(event.target)
        target = parse_target(event.target)
        if self._objects_to(event.target):
            return
        place = None if link is not None else self._exchange.abroad.elsewhere(target)
        if link is None and place is None:
            self._owe().add(NOT_FOUND)
            return
        called = target.text if target.address is None else address_text(*target.address)
        self._owe().add(encode_frame(f"|connected to {called}|".encode()))

    def _do_send(self, event: RelayEvent) -> None:
        devices = self._exchange.devices
        link = devices.find(event.target)
        if self._objects_to(event.target):
            return
        if link is not None:
            self._prefix, self._prefix_link, self._prefix_version = event.lead, link, devices.version
            self._forward(link, [event.frame])
            return
        keeping = self._exchange.abroad.keep_frame(parse_target(event.target), event.content, self._shell.address)
        self._owe().add_kept(keeping)

    @property
    def _own_rights(self) -> ControllerRights:
        assert self._rights is not None, "a controller"
        return self._rights

    def _objects_to(self, field: bytes) -> bool:
        """Answer a first-dialect event about a device that this controller may not send to, and return True."""
        rights = self._own_rights
        why = "" if rights.may_send_all else rights.objection(parse_target(field))
        if why:
            self._shell.refuse(NotPermitted.kind, why, b"")
            self._owe().add(encode_frame(f"|error: {why}|".encode()))
        return bool(why)

    def _do_said(self, event: RelayEvent) -> None:
        assert self.link is not None
        self._exchange.said(self.link, "", event.content)

    def _do_welcome(self, event: RelayEvent) -> None:
        self._peer.send(encode_pair({"status": "welcome", "address": address_text(*self._shell.address())}))

    def _do_device_pair(self, event: RelayEvent) -> None:
        assert self.link is not None
        envelope: Envelope = event.content
        members = envelope.members
        if "id" not in members:
            self._exchange.said(self.link, _text(members.get("event", ""), "event"), envelope.payload)
            return
        happened = {"acknowledged": RequestInput.ANSWERED, "failed": RequestInput.REFUSED}.get(
            _text(members.get("status"), "status")
        )
        if happened is None:
            raise ProtocolError("a device answers `acknowledged` or `failed`")
        error = _text(members.get("error", "the device refused"), "error") if happened is RequestInput.REFUSED else ""
        self._exchange.answered(self.link, members["id"], happened, envelope.payload, error)

    def _do_controller_pair(self, event: RelayEvent) -> None:
        envelope: Envelope = event.content
        members = envelope.members
        request_id = _request_id(members)
        if members.get("list") is True:
            self._list_to(request_id)
            return
        deadline = _deadline(members)
        try:
            target = parse_target(_text(members.get("to"), "to").encode())
        except MalformedTarget as error:
            self._fail(request_id, str(error))
            return
        rights = self._own_rights
        why = "" if rights.may_send_all else rights.objection(target)
        if why:
            self._shell.refuse(NotPermitted.kind, why, b"")
            self._fail(request_id, why, denied=True)
            return
        outstanding = self._outstanding = {} if self._outstanding is None else self._outstanding
        if request_id in outstanding or len(outstanding) >= self._exchange.rules.max_outstanding:
            self._fail(request_id, "this id is outstanding" if request_id in outstanding else "too many outstanding requests")
            return
        if not self._sender:
            self._sender = address_text(*self._shell.address())
            principal = str(self._peer.principal)
            self._who = f"{principal}, {short_address(self._sender)}" if principal else ""
        exchange = self._exchange
        send = exchange.abroad.send if exchange.rules.remote else exchange.request
        request = send(target, envelope.payload, self._sender, deadline, partial(self._report, request_id), self._who)
        if not request.is_done:
            outstanding[request_id] = request

    def _list_to(self, request_id: object) -> None:
        exchange, rights = self._exchange, self._own_rights
        try:
            rights.check_list()
        except NotPermitted as error:
            self._fail(request_id, str(error), denied=True)
            return
        others = list(exchange.abroad.described()) if exchange.rules.remote and rights.sees_all else []
        moved = {other.name for other in others}
        away = [link for link in exchange.devices.absent() if link.name not in moved]
        seen = [link for link in (*exchange.devices, *away) if rights.sees_all or rights.sees(link)]
        devices: list[object] = [*(link.describe() for link in seen), *others]
        self._tell(request_id, {"status": "list", "final": True, "devices": devices}, b"")

    def _report(self, request_id: object, outcome: RequestOutcome) -> None:
        if self.state is RelayState.OVER:
            return
        members: dict[str, Any] = {"status": outcome.status.value}
        if outcome.is_final:
            members["final"] = True
            if self._outstanding is not None:
                self._outstanding.pop(request_id, None)
        if outcome.error:
            members["error"] = outcome.error
        if outcome.known and self._exchange.rules.remote:
            members["known"] = outcome.known
        self._tell(request_id, members, outcome.payload)

    def _fail(self, request_id: object, why: str, denied: bool = False) -> None:
        self._tell(request_id, {"status": "failed", "final": True, "error": why} | ({"denied": True} if denied else {}), b"")

    def _tell(self, request_id: object, members: dict[str, Any], payload: bytes) -> None:
        pair = encode_pair({"id": request_id} | members, payload)
        self._ahead += len(pair)
        self._peer.send(pair)

    # Answers of the first dialect

    def _owe(self) -> Answers:
        """The answers that are owed here; a device, of which there may be thousands, is owed none."""
        if self._answers is None:
            self._answers = Answers(self._peer, self._exchange.after_turn, self._go_on)
        return self._answers

    def _forward(self, link: DeviceLink, frames: list[bytes]) -> None:
        if self._exchange.forward(link, frames, self._shell.address):
            self._owe().add_sent(link, len(frames))
        else:
            self._owe().add(NOT_READING * len(frames))

    def _end(self, reason: str) -> None:
        self.state = RelayState.OVER
        self._prefix = self._prefix_link = None
        if self.link is not None:
            self._exchange.disconnect(self.link, reason)
        self._owe().end(reason)

    def _refuse(self, error: ProtocolError, excerpt: bytes) -> None:
        self._shell.refuse(error.kind, str(error), excerpt)
        if self.state in (RelayState.NAMED_DEVICE, RelayState.NAMED_CONTROLLER):
            denied = {"denied": True} if isinstance(error, NameHeld | NotPermitted) else {}
            self._peer.send(encode_pair({"status": "error", "error": str(error), **denied}))
        else:
            self._owe().add(encode_frame(f"|error: {error}|".encode()))
        self._end(error.kind)

    TRANSITIONS: ClassVar[dict[tuple[RelayState, RelayInput], tuple[RelayAction, RelayState]]] = {
        (RelayState.FRESH, RelayInput.DEVICE): (_do_become_device, RelayState.DEVICE),
        (RelayState.FRESH, RelayInput.DEVICE_HELLO): (_do_become_device, RelayState.NAMED_DEVICE),
        (RelayState.FRESH, RelayInput.CONTROLLER_HELLO): (_do_welcome, RelayState.NAMED_CONTROLLER),
        (RelayState.FRESH, RelayInput.LIST): (_do_list, RelayState.CONTROLLER),
        (RelayState.FRESH, RelayInput.CONNECT): (_do_connect, RelayState.CONTROLLER),
        (RelayState.FRESH, RelayInput.SEND): (_do_send, RelayState.CONTROLLER),
        (RelayState.FRESH, RelayInput.GOODBYE): (_do_goodbye, RelayState.OVER),
        (RelayState.CONTROLLER, RelayInput.LIST): (_do_list, RelayState.CONTROLLER),
        (RelayState.CONTROLLER, RelayInput.CONNECT): (_do_connect, RelayState.CONTROLLER),
        (RelayState.CONTROLLER, RelayInput.SEND): (_do_send, RelayState.CONTROLLER),
        (RelayState.CONTROLLER, RelayInput.DEVICE): (_do_become_device, RelayState.DEVICE),
        (RelayState.CONTROLLER, RelayInput.GOODBYE): (_do_goodbye, RelayState.OVER),
        (RelayState.DEVICE, RelayInput.FRAME): (_do_said, RelayState.DEVICE),
        (RelayState.DEVICE, RelayInput.GOODBYE): (_do_goodbye, RelayState.OVER),
        (RelayState.NAMED_DEVICE, RelayInput.PAIR): (_do_device_pair, RelayState.NAMED_DEVICE),
        (RelayState.NAMED_CONTROLLER, RelayInput.PAIR): (_do_controller_pair, RelayState.NAMED_CONTROLLER),
    }
    """What is done with each input in each state, and what the connection is afterwards."""


def _request_id(members: Mapping[str, Any]) -> int | str:
    found = members.get("id")
    if not isinstance(found, int | str) or isinstance(found, bool) or len(str(found)) > 64:
        raise ProtocolError("an envelope's `id` is a whole number or a string of at most 64 characters")
    return found


def _deadline(members: Mapping[str, Any]) -> float | None:
    found = members.get("deadline")
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float) or found <= 0):
        raise ProtocolError("an envelope's `deadline` is a number of seconds above 0")
    return found


def _text(value: object, member: str) -> str:
    if not isinstance(value, str):
        raise ProtocolError(f"an envelope's `{member}` is a string")
    return value
