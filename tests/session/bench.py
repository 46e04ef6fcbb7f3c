"""Sessions on the workbench: a roster over recording peers, with clock, dialling and chance in the test's hands."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock

from netd.codec.jsontext import encode
from netd.connection.fairness import TURN_SHARE, Lane, Standing
from netd.connection.shares import own_share
from netd.principal import Kind
from netd.session.addresses import Network
from netd.session.config import Config
from netd.session.pacing import COUNTING, Sweep
from netd.session.roster import Roster
from netd.session.session import SessionSurroundings, TelemetrySession
from netd.session.stream import AgentStream
from netd.testing import RecordingBus, RecordingPeer, WallClock
from tests.credentials import Credentials

RULES = Config(channels=(("x", "Heart rate", "bpm"), ("y", "", ""), ("z", "", "")), max_sessions=100)

HOST = "10.0.0.5"


def hello(session: int | None = 1, **channels: dict[str, str]) -> bytes:
    """The hello of a newer agent."""
    return encode({"session": session, "channels": channels or {"x": {}}}) + b"\n"


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(network) for network in text.split())


class Dialling:
    """A control connection that is being made."""

    def __init__(self, session: TelemetrySession) -> None:
        self.session = session
        self.is_cancelled = False

    def cancel(self) -> None:
        """Note it."""
        self.is_cancelled = True


class Line:
    """A control connection that was made, and the session's end of it."""

    def __init__(self, session: TelemetrySession) -> None:
        self.session = session
        self.peer = RecordingPeer()
        self.control = session.connected(self.peer)

    def expire(self) -> None:
        """The pending expiry passes."""
        assert self.peer.expiry is not None
        self.peer.expiry = None
        self.control.expired()

    def lose(self) -> None:
        """It is gone."""
        self.session.control_lost(self.peer, "the agent closed it")


class Side:
    """One data connection, and the shell of its stream.

    :ivar refused: kind and excerpt of each refusal.
    """

    def __init__(self, bench: Bench, host: str | None) -> None:
        self.peer = RecordingPeer()
        self.refused: list[tuple[str, bytes]] = []
        self.is_identified = False
        self.why = ""
        self.credentials = bench.credentials
        self._bench = bench
        self._host = host
        self.stream = AgentStream(bench.roster, self.peer, None if host is None else ip_address(host), self)
        self.stream.begin()

    def identified(self) -> None:
        """From the machine."""
        self.is_identified = True

    def prove(self, text: str, *kinds: Kind) -> None:
        """From the machine."""
        self.credentials.prove(self.peer, text, *kinds)

    def refuse(self, kind: str, why: str, excerpt: bytes) -> None:
        """From the stream."""
        self.refused.append((kind, excerpt))
        self.why = why

    def standing(self) -> Standing:
        """From the stream."""
        return Lane.UNKNOWN, str(self._host)

    def say(self, *pieces: bytes) -> Side:
        """Deliver *pieces*, each as one read, with all the turns that they need."""
        for piece in pieces:
            if self.peer.closed is None:
                self.stream.receive(piece)
                self._bench.clock.advance(0)
        return self

    def expire(self) -> Side:
        """Time passes until the pending expiry."""
        assert self.peer.expiry is not None
        expiry, self.peer.expiry = self.peer.expiry, None
        self._bench.clock.advance(expiry)
        self.stream.expired()
        return self

    def lose(self) -> None:
        """It is gone."""
        self.stream.lost(self.peer.closed or "the agent closed it")


class Bench:
    """A roster, and all that it knows of the world.

    :ivar dialled: each dialling, in order.
    """

    def __init__(self, agents: str = "10.0.0.0/8", elsewhere: str = "", letters: str = "xyz", **rules: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.bus = RecordingBus(WallClock(self.clock))
        self.dialled: list[Dialling] = []
        self.chance = 1.0
        labels = {channel[0]: channel for channel in RULES.channels}
        channels = tuple(labels.get(letter, (letter, "", "")) for letter in letters)
        world = SessionSurroundings(
            evolve(RULES, agents=_networks(agents), connect_back_from=_networks(elsewhere), channels=channels, **rules),
            self.bus,
            "session.main",
            self.clock.seconds,
            self.clock.callLater,
            own_share(self.clock, "receive", TURN_SHARE),
            Sweep(own_share(self.clock, "count", COUNTING), self.clock.seconds, self.clock.callLater),
            self._dial,
            lambda: self.chance,
        )
        self.roster = Roster(world)
        self.credentials = Credentials()
        self.roster.reserves = self.credentials

    def _dial(self, session: TelemetrySession) -> Dialling:
        self.dialled.append(Dialling(session))
        return self.dialled[-1]

    def start(self, host: str = HOST, name: str | None = None) -> TelemetrySession:
        """A session that is being dialled."""
        session = self.roster.start(host, ip_address(host), name)
        self.clock.advance(0)
        return session

    def await_agent(self, host: str = HOST) -> tuple[TelemetrySession, Line]:
        """A session whose agent has been told its id more than a second ago."""
        session = self.start(host)
        line = Line(session)
        line.expire()
        return session, line

    def stream(self, host: str = HOST) -> tuple[TelemetrySession, Line, Side]:
        """A session whose agent has announced itself in the first dialect."""
        session, line = self.await_agent(host)
        return session, line, self.connect_back(session, host)

    def connect_back(self, session: TelemetrySession, host: str = HOST) -> Side:
        """The data connection of an agent that announces, in the first dialect, what it was told."""
        first = session.number
        return self.connect(host).say(b"s1%ds2%ds3%d\n" % (first, first + 1, first + 2))

    def connect(self, host: str | None = HOST) -> Side:
        """A data connection that has said nothing."""
        return Side(self, host)

    def watch(self) -> list[tuple[str, float]]:
        """Subscribe to all samples; the channel and value of each are added to the list."""
        seen: list[tuple[str, float]] = []
        self.bus.subscribe(
            "session.*.*.*",
            lambda message: seen.append((message.subject.split(".", 2)[2], message.event.value)),
        )
        return seen
