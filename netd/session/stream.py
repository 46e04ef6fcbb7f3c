"""One data connection as a state machine: an announcement or a hello, then samples (session protocol, sections 2 to 4).

The table of transitions has no pair for a hello after an announcement, and so on: the reader of each state cannot produce those.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from netd.connection.fairness import Contender, Standing
from netd.errors import NotPermitted, ProtocolError, Revoked, TimedOut
from netd.interfaces import IPeer, MachineShell
from netd.plaintext import BOM
from netd.principal import ANONYMOUS, Action, Kind, Role, check
from netd.reserved import check_owns
from netd.session.addresses import Address
from netd.session.letters import LetterReader
from netd.session.lines import HELLO_LIMIT, AgentHello, BadHello, ChannelSpec, LineReader, encode_error, parse_hello
from netd.session.roster import NotExpected, Roster
from netd.session.samples import SampleBatch, SampleReader
from netd.session.session import TelemetrySession

__all__ = ["AgentStream", "StreamInput", "StreamShell", "StreamState"]

EARLY_LIMIT = 1 << 12
"""Bytes that a connection may send before its announcement, at most."""

AT_ONCE = 1 << 12
"""Bytes of one read that are taken at once, while the turn has time left; a longer read is taken in pieces."""

SMALL = 1 << 6
"""Bytes of one read that are taken at once in any case while nobody subscribes to the samples: queueing costs more."""

TINY = 24
"""Bytes of a read of one sample, or a few, for which two looks at the clock would be a good part of the work."""

TINY_COST = 2e-5
"""Seconds of the turn that such a read counts for while somebody subscribes to the samples."""

SLICE = 1 << 10
"""Bytes of a piece while each sample is published."""

BIG_SLICE = 1 << 15
"""Bytes of a piece while samples are only counted."""


STREAM = Action("session.stream", Role.OPERATOR, frozenset({Kind.AGENT}), is_open=True, is_own=True)
"""The action for which a principal needs the right to be the agent of a session."""

EXCERPT = 60
"""Bytes that the log shows of what came in place of an announcement."""


class NeverAnnounced(ProtocolError):
    """A connection that did not announce a session in time."""

    kind = "never announced"


class StreamState(enum.Enum):
    """The states of a data connection."""

    FRESH = "not announced"
    OLD = "of an agent of the first dialect"
    NEW = "of an agent of the newer dialect"
    OVER = "being closed"


class StreamInput(enum.Enum):
    """The kinds of input from an agent."""

    ANNOUNCED = "s142"
    HELLO = "{…}"
    SAMPLES = "samples"


class StreamShell(MachineShell, Protocol):
    """The connection around a stream, as the stream sees it."""

    def standing(self) -> Standing:
        """The lane and key of the connection, for :mod:`netd.connection.fairness`."""


StreamAction = Callable[["AgentStream", Any], None]


class AgentStream(Contender):
    """The machine of one data connection.

    :param address: the address that the agent connects from; None where that is no IP address.
    :ivar session: the session of the agent; None before the announcement.
    """

    __slots__ = (
        "_address",
        "_beginning",
        "_deadline",
        "_early",
        "_hello",
        "_is_held",
        "_is_spoilt",
        "_is_timed",
        "_peer",
        "_reader",
        "_rest",
        "_roster",
        "_shell",
        "session",
        "state",
    )

    def __init__(self, roster: Roster, peer: IPeer, address: Address | None, shell: StreamShell) -> None:
        super().__init__(roster.turns)
        self._roster = roster
        self._peer = peer
        self._address = address
        self._shell = shell
        self._reader: SampleReader = LetterReader(roster.alphabet)
        self._hello: bytearray | None = None
        self._early = 0
        self._beginning = b""
        self._deadline = 0.0
        self._is_timed = True
        self._is_spoilt = False
        self._is_held = False
        self._rest = b""
        self.session: TelemetrySession | None = None
        self.state = StreamState.FRESH

    def begin(self) -> None:
        """Start the time limit for the announcement. Called with the first byte."""
        limit = self._roster.rules.announce_timeout
        self._deadline = self._roster.world.monotonic() + limit
        self._peer.expire_after(limit)

    def receive(self, received: bytes) -> None:
        """Take the bytes of one read, wherever it was cut.

        A long read is taken in pieces, and so is any read when the streams together have used up their share of the turn: then
        other services get their time in between.
        """
        if self._rest:
            self._rest += received
            if len(self._rest) > AT_ONCE:
                self._hold()
            return
        session, size = self.session, len(received)
        turns = self._roster.turns
        if size <= SMALL and session is not None:
            if not session.readings.is_watched:
                self._receive(received)
                return
            if size <= TINY and turns.has_time:
                self._receive(received)
                turns.spend(TINY_COST)
                return
        now = turns.monotonic()
        self.speak(now)
        if size <= AT_ONCE and turns.has_time:
            self._receive(received)
            turns.spend(turns.monotonic() - now)
        else:
            self._rest = received
            if size > SMALL:  # of a connection that sends little, the next reads can wait here: pausing it costs more than both
                self._hold()
            self.line_up()

    def standing(self) -> Standing:
        """See :class:`netd.connection.fairness.Contender`."""
        return self._shell.standing()

    def serve(self) -> None:
        """Take the next piece of the read, unless the session has let go of the connection meanwhile."""
        rest, self._rest = self._rest, b""
        if not self._is_fed():
            return
        session = self.session
        is_costly = session is None or session.readings.is_watched or self._is_spoilt
        size = SLICE if is_costly else BIG_SLICE
        self._receive(rest[:size])
        self._rest = rest[size:]
        if not self._is_fed():
            self._rest = b""
        elif self._rest:
            self.line_up()
        elif self._is_held:
            self._is_held = False
            self._peer.set_reading(True)

    def _hold(self) -> None:
        """Stop reading until all that has come is taken."""
        if not self._is_held:
            self._is_held = True
            self._peer.set_reading(False)

    def _is_fed(self) -> bool:
        """Whether input still counts: the connection has no session yet, or its session has not closed it."""
        return self.state is not StreamState.OVER and (self.session is None or self.session.is_fed_by(self._peer))

    def _receive(self, received: bytes) -> None:
        self._is_spoilt = False
        if b"\0" in received:  # programs in C end strings with NUL, or pad them
            received = received.replace(b"\0", b"\n")
        try:
            if self.state is StreamState.FRESH:
                self._receive_early(received)
            else:
                self._take(self._reader.feed(received))
        except ProtocolError as error:
            # The last bytes of a hello may be the end of a token, which only the beginning of the token tells from other text.
            self._refuse(error, received if self._hello is None else bytes(self._hello))
            return
        if self.state is not StreamState.OVER:
            self._set_clock()

    def expired(self) -> None:
        """Handle the expiry: silence has ended a token, or the time limit for the announcement has passed."""
        if self._rest:
            return  # there was no silence: bytes wait to be taken, and the next piece sets the expiry anew
        try:
            if self.state is StreamState.FRESH and self._roster.world.monotonic() >= self._deadline:
                self._take(self._reader.finish())
                if self.state is StreamState.FRESH:
                    raise self._silence()
            elif isinstance(self._reader, LetterReader):
                self._end_token(self._reader)
        except ProtocolError as error:
            self._refuse(error, b"")
            return
        self._is_timed = False
        if self.state is StreamState.FRESH:
            self._wait_for_deadline()

    def revoke(self, why: Revoked) -> None:
        """Close the connection, because its credential proves nobody any more."""
        if self.state is not StreamState.OVER:
            self._refuse(why, b"")

    def lost(self, reason: str) -> None:
        """Handle the end of the connection, which completes the token that has begun."""
        if self.session is not None and self._is_fed():
            try:
                if self._rest:
                    self._take(self._reader.feed(self._rest))
                self._take(self._reader.finish())
            except ProtocolError as error:
                self._shell.refuse(error.kind, str(error), b"")
        elif self.state is StreamState.FRESH and self._early and not self._is_announcing():
            unannounced = self._silence()
            self._shell.refuse(unannounced.kind, str(unannounced), b"")
        self._rest = b""
        self.state = StreamState.OVER
        self.leave()
        if self.session is not None:
            self.session.data_lost(self._peer, reason)

    def _is_announcing(self) -> bool:
        """Whether the token that has begun is an announcement."""
        return isinstance(self._reader, LetterReader) and self._reader.is_announcing

    def _receive_early(self, received: bytes) -> None:
        if self._early == 0 and self._hello is None:
            received = self._without_mark(received)
            if not received:
                return
        if self._hello is not None or (self._early == 0 and received.startswith(b"{")):
            self._receive_hello(received)
            return
        self._early += len(received)
        self._beginning = b" ".join(filter(None, (self._beginning, received)))[:EXCERPT]
        self._take(self._reader.feed(received))
        if self.state is StreamState.FRESH and self._early > EARLY_LIMIT:
            raise self._silence()

    def _without_mark(self, received: bytes) -> bytes:
        """*received*, the first bytes of the connection, without leading blanks and byte order mark.

        Nothing is returned of bytes that may be the beginning of a mark.
        """
        begun = (self._beginning + received).lstrip()
        rest = begun.removeprefix(BOM).lstrip()
        self._beginning = b"" if len(rest) < len(begun) or not BOM.startswith(begun) else begun
        return b"" if self._beginning else rest

    def _receive_hello(self, received: bytes) -> None:
        hello = self._hello = bytearray() if self._hello is None else self._hello
        hello += received
        line, newline, rest = bytes(hello).partition(b"\n") if b"\n" in received else (b"", b"", b"")
        limit = EARLY_LIMIT if self._peer.principal is ANONYMOUS else HELLO_LIMIT
        if len(line or hello) > limit:
            raise BadHello(f"a hello has at most {limit} bytes")
        if newline:
            self._step(StreamInput.HELLO, parse_hello(line))
            self._hello = None
            if rest:
                self._take(self._reader.feed(rest))

    def _end_token(self, reader: LetterReader) -> None:
        """End the token after a silence. An announced id that matches no session may be the beginning of one that does."""
        if reader.is_announcing:
            announced = reader.look().announced
            if announced and not self._is_whole(*announced[0]):
                return
        self._take(reader.end_token())

    def _is_whole(self, place: int, id: int) -> bool:
        """Whether *id* is complete: it is the right one, or no further digits can make it right."""
        if self.session is None:
            return self._roster.is_awaited(id - place + 1, self._address)
        expected = self.session.number + place - 1
        return id == expected or not (self.session.is_dialled and str(expected).startswith(str(id)))

    def _take(self, batch: SampleBatch) -> None:
        if batch.announced:
            self._step(StreamInput.ANNOUNCED, batch.announced)
        if batch.block:
            if self.session is not None:
                self.session.take(batch.block)  # as the table has it for each state with a session, without the look-up
            else:
                self._step(StreamInput.SAMPLES, batch.block)
        if batch.bad:
            self._spoil(batch)

    def _step(self, input: StreamInput, content: object) -> None:
        action, state = self.TRANSITIONS[self.state, input]
        action(self, content)
        if self.state is StreamState.FRESH:
            self.state = state

    def _spoil(self, batch: SampleBatch) -> None:
        self._is_spoilt = True
        if self.session is not None:
            self.session.readings.bad += batch.bad
        self._shell.refuse("bad sample", "not a number, or of no channel; the rest goes on", batch.excerpt)

    def _set_clock(self) -> None:
        if self._reader_waits():
            limit = self._roster.rules.token_timeout
            if self.state is StreamState.FRESH:
                limit = min(limit, max(0.0, self._deadline - self._roster.world.monotonic()))
            self._is_timed = True
            self._peer.expire_after(limit)
        elif self.state is StreamState.FRESH:
            self._wait_for_deadline()
        elif self._is_timed:
            self._is_timed = False
            self._peer.expire_after(None)

    def _reader_waits(self) -> bool:
        return self._hello is None and self._reader.is_waiting

    def _wait_for_deadline(self) -> None:
        self._is_timed = True
        self._peer.expire_after(max(0.0, self._deadline - self._roster.world.monotonic()))

    def _silence(self) -> ProtocolError:
        if self._hello is not None:
            return TimedOut("timed out in the middle of a hello")
        if not self._early:
            return NeverAnnounced("neither an announcement nor a sample came")
        said = f"what came was no announcement (s142 is one), and so of no session: {self._beginning!r}"
        if self._beginning[:1].isdigit():
            said += "; an agent of an older version says ids without `s1`, `s2`, `s3` before them"
        return NeverAnnounced(said)

    def _refuse(self, error: ProtocolError, excerpt: bytes) -> None:
        self._shell.refuse(error.kind, str(error), excerpt)
        if self.state is StreamState.NEW or self._hello is not None:
            self._peer.send(encode_error(str(error), isinstance(error, NotPermitted)))
        self.state = StreamState.OVER
        self._peer.close(error.kind)
        if self.session is not None:
            self.session.data_lost(self._peer, error.kind)

    # What each input does

    def _do_attach(self, announced: tuple[tuple[int, int], ...]) -> None:
        place, number = announced[0]
        first = number - place + 1
        if not self._roster.rules.accept_unsolicited:
            _check_ids(announced, first)
        session = self._claim(first)
        session.announce(announced)
        self._arrive(session, "first", self._letters())

    def _do_confirm(self, announced: tuple[tuple[int, int], ...]) -> None:
        assert self.session is not None
        self.session.announce(announced)
        if self.session.is_dialled:
            _check_ids(announced, self.session.number)

    def _do_greet(self, hello: AgentHello) -> None:
        if hello.token is not None:
            self._shell.prove(hello.token, Kind.AGENT, Kind.USER)
        session = self._claim(hello.session, hello.name)
        if hello.session is not None:
            session.announce(((1, hello.session),))
        for why in hello.dropped:
            self._shell.refuse("bad label", f"{why}; it was left out, and all else counts", b"")
        known = {channel.name: channel for channel in self._roster.channels}
        self._reader = LineReader()
        self._arrive(session, "newer", tuple(_described(channel, known.get(channel.name)) for channel in hello.channels))

    def _do_come_early(self, block: bytes) -> None:
        if self._roster.rules.accept_unsolicited:
            self._arrive(self._claim(None), "first", self._letters())
            self.state = StreamState.OLD
            self._do_take(block)
        else:
            self._shell.refuse("early sample", "it came before an announcement, and was dropped", block)

    def _do_take(self, block: bytes) -> None:
        assert self.session is not None
        self.session.take(block)

    def _claim(self, id: int | None, said: str | None = None) -> TelemetrySession:
        """Return the session of the agent, which is called as it has *said*, as its credential has it, or by its host."""
        principal = self._peer.principal
        check(principal, STREAM)
        session = self._roster.claim(id, self._address)
        name = said or (principal.name if principal.kind is Kind.AGENT else None)
        try:
            called = self._roster.name_of(session, name)
            check(principal, STREAM, f"{self._roster.world.prefix}.{called}.>", called)
            check_owns(self._roster.reserves, principal, Kind.AGENT, called)
        except NotPermitted:
            if not session.is_dialled:  # it was made for this connection
                session.cut("its agent is not permitted")
            raise
        if name is not None:
            self._roster.introduce(session, name)
        return session

    def _letters(self) -> tuple[ChannelSpec, ...]:
        return tuple(channel for channel in self._roster.channels if len(channel.name) == 1)

    def _arrive(self, session: TelemetrySession, dialect: str, channels: tuple[ChannelSpec, ...]) -> None:
        self.session = session
        self._shell.identified()
        session.arrived(self._peer, self._reader, dialect, channels)

    TRANSITIONS: ClassVar[dict[tuple[StreamState, StreamInput], tuple[StreamAction, StreamState]]] = {
        (StreamState.FRESH, StreamInput.ANNOUNCED): (_do_attach, StreamState.OLD),
        (StreamState.FRESH, StreamInput.HELLO): (_do_greet, StreamState.NEW),
        (StreamState.FRESH, StreamInput.SAMPLES): (_do_come_early, StreamState.FRESH),
        (StreamState.OLD, StreamInput.ANNOUNCED): (_do_confirm, StreamState.OLD),
        (StreamState.OLD, StreamInput.SAMPLES): (_do_take, StreamState.OLD),
        (StreamState.NEW, StreamInput.SAMPLES): (_do_take, StreamState.NEW),
    }
    """The action and the next state of each state and input."""


def _check_ids(announced: tuple[tuple[int, int], ...], first: int) -> None:
    for place, number in announced:
        if number - place + 1 != first:
            raise NotExpected(f"announces {number} as channel {place} of session {first}, whose channels begin with {first}")


def _described(said: ChannelSpec, configured: ChannelSpec | None) -> ChannelSpec:
    """*said*, with label and unit of the configuration where the agent gave none."""
    if configured is None:
        return said
    return ChannelSpec(said.name, said.label or configured.label, said.unit or configured.unit)
