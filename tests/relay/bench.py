"""A relay on the workbench: an exchange and conversations over recording peers, with turn and clock in the test's hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock

from netd.codec.jsontext import decode_object, encode
from netd.codec.length_header import LengthHeaderDecoder, encode_frame
from netd.principal import Kind
from netd.relay.config import Config
from netd.relay.devices import DeviceLink, Devices
from netd.relay.exchange import Exchange
from netd.relay.grammar import encode_pair
from netd.relay.machine import RelayConversation
from netd.testing import RecordingBus, RecordingPeer, WallClock
from tests.credentials import Credentials

RULES = Config(frame_timeout=6.0)


def field(text: str) -> bytes:
    """A target field."""
    return text.encode().ljust(64)


def event(target: str, payload: bytes | None = None) -> bytes:
    """What an old controller sends for one event; *payload* None for a list."""
    return encode_frame(b"python") + field(target) + (b"" if payload is None else encode_frame(payload))


def frames(sent: bytes) -> list[bytes]:
    """The payloads of the frames in *sent*; all of it must be frames."""
    decoder = LengthHeaderDecoder(1 << 22)
    decoder.feed(sent)
    found = []
    while (payload := decoder.next_frame()) is not None:
        found.append(payload)
    assert b"".join(map(encode_frame, found)) == sent, sent
    return found


def pairs(sent: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """The envelopes and payloads in *sent*."""
    found = frames(sent)
    return [(decode_object(envelope), payload) for envelope, payload in zip(found[::2], found[1::2], strict=True)]


class Side:
    """One connection to the relay on the workbench; also the shell of its conversation.

    :ivar refused: kind and excerpt of each refusal.
    :ivar why: the words of the last one.
    """

    def __init__(self, relay: Relay, machine: type[RelayConversation], host: str, port: int) -> None:
        self.peer = RecordingPeer()
        self.refused: list[tuple[str, bytes]] = []
        self.why = ""
        self.is_identified = False
        self.is_device = False
        self.credentials = relay.credentials
        self._relay = relay
        self._address = host, port
        self.conversation = machine(relay.exchange, self.peer, self)
        self.conversation.begin()

    def address(self) -> tuple[str, int]:
        """For the conversation."""
        return self._address

    def became_device(self) -> None:
        """From the conversation."""
        self.is_device = True

    def device_connected(self, link: DeviceLink) -> None:
        """From the conversation."""
        self.known_as = link.label

    def identified(self) -> None:
        """From the machine."""
        self.is_identified = True

    def prove(self, text: str, *kinds: Kind) -> None:
        """From the machine."""
        self.credentials.prove(self.peer, text, *kinds)

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """From the conversation."""
        self.refused.append((kind, excerpt))
        self.why = why

    def say(self, *pieces: bytes) -> bytes:
        """Deliver *pieces*, each in a turn of its own, and return what was answered."""
        for piece in pieces:
            self.conversation.receive(piece)
            self._relay.end_turn()
        return self.peer.take_sent()

    def hear(self) -> bytes:
        """What was sent here since the last time."""
        return self.peer.take_sent()

    def drain(self) -> bytes:
        """Play that everything sent is taken now."""
        self.peer.is_full = False
        self.peer.flush()
        self.conversation.drained()
        self._relay.end_turn()
        return self.peer.take_sent()

    def lose(self) -> None:
        """The connection is lost."""
        self.conversation.lost("its connection closed")
        self._relay.end_turn()


class Relay:
    """The exchange, the clock, and what is to happen at the end of the turn; nobody has a credential yet."""

    def __init__(
        self,
        machine: type[RelayConversation] = RelayConversation,
        host_names: dict[str, str] | None = None,
        list_names: bool = False,
        **rules: Any,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.bus = RecordingBus(WallClock(self.clock))
        self._callbacks: list[Callable[[], None]] = []
        self._machine = machine
        self._port = 50411
        self._sides: list[Side] = []
        names = tuple((name, host) for host, name in (host_names or {}).items())
        config = evolve(RULES, host_names=names, list_format="names" if list_names else "addresses", **rules)
        self.exchange = Exchange(
            config,
            Devices(self.bus.wall, config),
            self.bus,
            "relay.main",
            self.clock.seconds,
            self.clock.callLater,
            self._callbacks.append,
        )
        self.credentials = Credentials()
        self.exchange.devices.reserves = self.credentials

    def end_turn(self) -> None:
        """The reactor turn ends: everyone takes what was sent, who is not full; then those are called who wait for that."""
        self._flush()
        while self._callbacks:
            callbacks = self._callbacks[:]
            self._callbacks.clear()
            for callback in callbacks:
                callback()
            self._flush()

    def connect(self, host: str = "127.0.0.1", port: int | None = None) -> Side:
        """A connection that has said nothing; ports count up from 50412."""
        self._port += 1
        side = Side(self, self._machine, host, port or self._port)
        self._sides.append(side)
        return side

    def _flush(self) -> None:
        for side in self._sides:
            side.peer.flush()

    def device(self, **hello: Any) -> Side:
        """A device: of the first dialect, or of the second with *hello*; its welcome is there to be heard."""
        side = self.connect()
        side.conversation.receive(encode_frame(b"device " + encode(hello) if hello else b"raspberrypi"))
        self.end_turn()
        return side

    def controller(self) -> Side:
        """A controller of the second dialect, welcomed."""
        side = self.connect()
        side.say(encode_frame(b"controller {}"))
        return side

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)
        self.end_turn()


def ask(payload: bytes = b"", **envelope: Any) -> bytes:
    """What a controller (or a device) of the second dialect sends."""
    return encode_pair(envelope, payload)
