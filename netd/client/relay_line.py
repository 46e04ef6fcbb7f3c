"""How a client of the relay comes to a connection, in the dialect that the server understands, and what goes over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netd.client.again import Backoff
from netd.client.relay_messages import (
    AUTO,
    NETD,
    OLD,
    RELAY,
    ConnectionLost,
    Denied,
    FrameDecoder,
    FramingLost,
    NameTaken,
    NotAnEnvelope,
    NotConnected,
    NotInTime,
    NoWelcome,
    Welcome,
    complaint,
    frame,
    longest_silence,
    old_denial,
    read_envelope,
    read_welcome,
)
from netd.client.relay_old import GOODBYE
from netd.client.token import ClientToken
from netd.client.way import FAREWELL, Connection, Way, check_choice, check_port

__all__ = ["DialectMemory", "RelayBackoff", "RelayLine", "RelayWire"]

WELCOME_TIMEOUT = 3.0
OLD_REMEMBERED = 600.0

SETTLED = 1.0
"""Seconds in which a relay that has hung up on the new dialect does so in the old one, too, where that is not the reason."""

NO_WELCOME = "no welcome from the server, which may speak the old dialect only"
CLOSED_PLAINLY = "before its welcome: it may want TLS (cafile), or its log says why"


class RelayBackoff(Backoff):
    """How long a device waits before the next attempt: 0.5 s, doubled up to 30 s, each multiplied by chance ("full jitter").

    A connection that ended because another device took the name is followed by 15 to 30 s: two devices of one name would else
    push each other out as fast as they can.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        super().__init__(chance, 0.5)

    def delay(self, lasted: float, error: Exception | None = None) -> float:
        if isinstance(error, NameTaken):
            self._ceiling = self.GREATEST
            return self.between(0.5, 1.0) * self.GREATEST
        return super().delay(lasted, error)


class DialectMemory:
    """Which dialect to open the next connection in.

    :param dialect: ``"auto"``, ``"netd"`` or ``"old"``.
    :raises ValueError: when it is none of these.
    """

    def __init__(self, dialect: str, clock: Callable[[], float]) -> None:
        check_choice("dialect", dialect, AUTO, NETD, OLD)
        self._dialect = dialect
        self._clock = clock
        self._old_until: float | None = None

    def choice(self) -> str:
        """The dialect to try first."""
        if self._dialect != AUTO:
            return self._dialect
        return OLD if self._old_until is not None and self._clock() < self._old_until else NETD

    @property
    def is_open(self) -> bool:
        """Whether the old dialect is worth a try where the new one gets no welcome."""
        return self._dialect == AUTO

    def is_old(self) -> None:
        """Note that the server takes the old dialect."""
        self._old_until = self._clock() + OLD_REMEMBERED

    def unreachable(self) -> None:
        """Note that nobody listens: who comes back may be another server."""
        self._old_until = None


class RelayWire:
    """Whole frames in and out of one connection. One plan reads; any other writes.

    :ivar longest_silence: seconds that the relay may say nothing while it is waited for without an end; None for ever.
    :ivar refusal: what the relay has answered to the hello of the new dialect, if that was an error of the old one. A relay that
        says the same again, in the old dialect, does not let this client in.
    """

    def __init__(self, connection: Connection, dialect: str) -> None:
        self.dialect = dialect
        self.longest_silence: float | None = None
        self.refusal = b""
        self._connection = connection
        self._frames = FrameDecoder()
        self._envelope: dict[str, Any] | None = None
        if dialect == OLD:
            connection.last_word = frame(GOODBYE)

    async def write(self, frames: bytes, end: float | None = None) -> None:
        """Hand *frames* to the operating system, all of them.

        :param end: when to give up, by the clock of the way (None: never).
        :raises RelayError: when that cannot be done.
        """
        await self._connection.send(frames, end)

    async def try_to_write(self, frames: bytes) -> bool:
        """As :meth:`write`; False when it cannot be done."""
        try:
            await self.write(frames)
        except ConnectionLost:
            return False
        return True

    async def read(self, end: float | None = None) -> bytes:
        """The next payload; waits for it until *end* by the clock of the way (None: for ever).

        :raises NotInTime: when *end* has come first.
        :raises ConnectionLost: when the connection ended first.
        :raises Denied: when the relay does not let this client in.
        :raises FramingLost: when what comes is no frame.
        """
        payload = self._frames.next_frame()
        while payload is None:
            if end is not None or self.longest_silence is None:
                received = await self._connection.receive_by(end)
            else:
                received = await self._connection.receive(self.longest_silence) or self._gone()
            self._frames.feed(received)
            payload = self._frames.next_frame()
        if payload == self.refusal != b"":
            raise old_denial(payload)
        return payload

    async def read_message(self, end: float | None = None) -> tuple[dict[str, Any], bytes]:
        """The next envelope and its payload; raises what :meth:`read` raises.

        Whoever is cancelled between the two has lost nothing: the envelope waits for the next call.
        """
        if self._envelope is None:
            self._envelope = read_envelope(await self.read(end))
        payload = await self.read(end)
        envelope, self._envelope = self._envelope, None
        return envelope, payload

    async def read_about_requests(self, end: float | None = None) -> tuple[dict[str, Any], bytes]:
        """As :meth:`read_message`; raises what the relay says about the connection itself, too."""
        envelope, payload = await self.read_message(end)
        lost = complaint(envelope)
        if lost is not None:
            raise lost
        return envelope, payload

    def _gone(self) -> bytes:
        """The relay has said nothing for so long."""
        self._connection.given_up()
        raise ConnectionLost(f"the relay gave no sign of life for {self.longest_silence:g} s")

    async def is_open(self) -> bool:
        """Whether the relay has not hung up meanwhile; does not wait. What has come is kept for :meth:`read`."""
        try:
            received = await self._connection.receive(0)
            while received is not None:
                self._frames.feed(received)
                received = await self._connection.receive(0)
        except ConnectionLost:
            return False
        return True

    async def settle(self, end: float) -> None:
        """Return as soon as the relay says something, or at *end* if it keeps the connection open. What came is read again.

        :raises ConnectionLost: when the relay hangs up instead.
        :raises Denied: when it says what it has said to the new dialect.
        """
        try:
            payload = await self.read(end)
        except NotInTime:
            self._connection.patience = FAREWELL  # it is well: nothing was asked
        else:
            self._frames.put_back(payload)

    async def leave(self) -> None:
        """Say goodbye where the dialect has a word for it, and hang up. Twice is harmless."""
        await self._connection.leave()


class RelayLine:
    """Opens wires to the relay, in the dialect that the server understands.

    :param hello: returns the first frame's payload in the new dialect, with the token in it if there is one.
    :param old_type: the first frame's payload in the old dialect; empty when none is sent before the first event.
    :param token: with a token, the new dialect alone is spoken: the old one cannot carry it.
    """

    def __init__(
        self,
        way: Way,
        host: str,
        port: int,
        dialect: str,
        hello: Callable[[str | None], bytes],
        old_type: bytes,
        token: ClientToken,
    ) -> None:
        check_port(port)
        if token.is_given and dialect == OLD:
            raise ValueError("token: the old dialect cannot carry one; leave the dialect out")
        self._way = way
        self._place = (host, port)
        self._memory = DialectMemory(NETD if token.is_given and dialect == AUTO else dialect, way.now)
        self._hello = hello
        self._old_type = old_type
        self._token = token
        self._refusal = b""

    async def open(self) -> tuple[RelayWire, Welcome]:
        """A fresh wire, greeted.

        :raises RelayError: when there is none to be had.
        """
        if self._memory.choice() == NETD:
            try:
                return await self._greeted(NETD)
            except NoWelcome as error:
                if not self._memory.is_open:
                    raise
                return await self._greeted_after(error)
        return await self._greeted(OLD)

    async def _greeted_after(self, error: NoWelcome) -> tuple[RelayWire, Welcome]:
        """A wire in the old dialect, if the server takes that. One that hangs up again does so for the reason in *error*."""
        wire, welcome = await self._greeted(OLD)
        if self._old_type and error.is_closed:
            try:
                await wire.settle(self._way.now() + SETTLED)
            except (ConnectionLost, Denied) as lost:
                await wire.leave()
                raise (lost if isinstance(lost, Denied) else error) from None
        self._memory.is_old()
        return wire, welcome

    async def _greeted(self, dialect: str) -> tuple[RelayWire, Welcome]:
        try:
            wire = RelayWire(await self._way.reach(RELAY, *self._place), dialect)
        except NotConnected:
            self._memory.unreachable()
            raise
        welcome = None
        try:
            welcome = await (self._greet(wire) if dialect == NETD else self._greet_old(wire))
        finally:
            if welcome is None:  # refused, silent, or cancelled
                await wire.leave()
        return wire, welcome

    async def _greet(self, wire: RelayWire) -> Welcome:
        end = self._way.now() + WELCOME_TIMEOUT
        hello = self._hello(self._token.read(RELAY))
        try:
            await wire.write(frame(hello), end)
            envelope, _ = await wire.read_message(end)
        except NotAnEnvelope as error:
            if not error.payload.startswith(b"|error: "):
                self._refusal = b""
                raise NoWelcome(f"{NO_WELCOME}: {error}") from None
            self._refusal = error.payload
            raise NoWelcome(str(old_denial(error.payload)), is_closed=True) from None
        except ConnectionLost as error:
            self._refusal = b""
            if self._way.tls.is_used:  # which no old server has
                raise ConnectionLost(f"no welcome: {error}") from None
            raise NoWelcome(f"{error} {CLOSED_PLAINLY}", is_closed=True) from None
        except (FramingLost, NotInTime) as error:
            raise NoWelcome(f"{NO_WELCOME}: {error}") from None
        welcome = read_welcome(envelope)
        wire.longest_silence = longest_silence(welcome)
        return welcome

    async def _greet_old(self, wire: RelayWire) -> Welcome:
        wire.refusal = self._refusal
        if self._old_type:
            await wire.write(frame(self._old_type))
        return Welcome(OLD)
