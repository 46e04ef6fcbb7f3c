"""One session as a state machine: dialling, awaiting the agent, streaming, failing or stopping, resting, ended.

The states are those of the session protocol, section 1. A session holds the control connection and the data connection of one
agent, and decides what follows when either of them ends or a time limit passes. It has one timer, for its current state; the
control connection has a timer of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from attrs import define

from netd.connection.backoff import Backoff
from netd.interfaces import Cancellable, IBus, IPeer, ITurnShare
from netd.message import Message
from netd.session.addresses import Address
from netd.session.control import AgentControl
from netd.session.events import StateChanged
from netd.session.lines import ChannelSpec
from netd.session.pacing import Sweep
from netd.session.readings import Readings
from netd.session.results import SessionFacts
from netd.session.rules import SessionRules
from netd.session.samples import SampleReader
from netd.session.states import SessionInput, SessionState

__all__ = ["SessionSurroundings", "TelemetrySession"]

LASTED = 10.0
"""Seconds of streaming after which the wait before the next attempt starts again at its shortest."""

PARTING = 0.5
"""Seconds for which a session waits until the agent has closed its side, too."""


@define(eq=False)
class SessionSurroundings:
    """The facilities that all sessions of a service share: options, bus, clock and dialer.

    :ivar rules: the options in force; a reload replaces them.
    :ivar prefix: first tokens of all subjects, ``session.<instance>``.
    :ivar monotonic: returns the time of the monotonic clock, in seconds.
    :ivar later: calls a function after some seconds; returns the pending call.
    :ivar receiving: the share of the turn for what agents send.
    :ivar sweep: counts samples after which no further ones come.
    :ivar dial: makes the control connection of a session, and calls its ``connected`` or ``undiallable``.
    :ivar chance: returns a random number from 0 up to 1.
    """

    rules: SessionRules
    bus: IBus
    prefix: str
    monotonic: Callable[[], float]
    later: Callable[[float, Callable[[], Any]], Cancellable]
    receiving: ITurnShare
    sweep: Sweep
    dial: Callable[[TelemetrySession], Cancellable]
    chance: Callable[[], float]


SessionAction = Callable[["TelemetrySession"], None]


class TelemetrySession:
    """One session with one agent.

    :param id: the id of the session, which operators use; it never changes.
    :param agent: the name of the agent, which is the token of the session's subjects.
    :param host: the host as the operator wrote it.
    :param address: the address that *host* resolved to. Each attempt dials it; the name is not looked up again.
    :param is_dialled: False for an agent that connected without being dialled.
    :ivar number: the id that the agent is told, and the first of the ids of its channels. The first attempt uses *id*; each
        further attempt gets a new number, so that a late connection of an earlier attempt matches no session.
    :ivar reason: why the session is in its state, where the state alone does not say it.
    :ivar attempt: how many times the agent was dialled.
    :ivar since: when the session entered its state, in seconds since the epoch.
    :ivar announced: the ids that the agent has announced, by the places of the channels.
    :ivar heard: when the agent last sent something, by the monotonic clock.
    """

    def __init__(
        self, world: SessionSurroundings, id: int, agent: str, host: str, address: Address, is_dialled: bool = True
    ) -> None:
        self._world = world
        self.id = self.number = id
        self.agent = agent
        self.host = host
        self.address = address
        self.is_dialled = is_dialled
        self.subject = f"{world.prefix}.{agent}"
        self.readings = Readings(world.bus, self.subject, world.sweep.add)
        self.state = SessionState.DIALLING if is_dialled else SessionState.AWAITED
        self.reason = ""
        self.attempt = 0
        self.since = world.bus.wall()
        self.heard = world.monotonic()
        self.dialect = ""
        self.announced: dict[int, int] = {}
        self._control: AgentControl | None = None
        self._data: IPeer | None = None
        self._dialling: Cancellable | None = None
        self._timer: Cancellable | None = None
        self._failures = 0
        self._streamed_at: float | None = None
        self._watchers: list[Callable[[TelemetrySession], bool]] = []

    def begin(self) -> None:
        """Dial the agent for the first time."""
        self._do_dial()
        self._changed()

    def rename(self, agent: str) -> None:
        """Call the agent *agent* from now on; nothing is retained under its old subjects."""
        self._world.bus.forget(self.subject)
        self.agent = agent
        self.subject = f"{self._world.prefix}.{agent}"
        self.readings.rename(self.subject)

    def watch(self, watcher: Callable[[TelemetrySession], bool]) -> None:
        """Call *watcher* after each change of state, until it returns True."""
        if not watcher(self):
            self._watchers.append(watcher)

    # From the dialer and the control connection

    def connected(self, peer: IPeer) -> AgentControl:
        """Take the control connection, which has been made."""
        self._dialling = None
        self._control = AgentControl(peer, self._world.rules.stop_grace, self._part)
        self._step(SessionInput.CONNECTED)
        return self._control

    def undiallable(self, reason: str) -> None:
        """Handle that the agent could not be reached."""
        self._dialling = None
        self._fail(reason)

    def control_lost(self, peer: IPeer, reason: str) -> None:
        """Handle the end of the control connection. That of an earlier attempt is ignored."""
        if self._control is None or self._control.peer is not peer:
            return
        self._control = None
        self._fail(f"the control connection ended: {reason}")
        self._close_all()
        self._step(SessionInput.CLOSED)

    # From the data connection

    @property
    def expects_agent(self) -> bool:
        """Whether the agent's data connection is still to come."""
        return self.state is SessionState.AWAITED

    def arrived(self, peer: IPeer, reader: SampleReader, dialect: str, channels: Iterable[ChannelSpec]) -> None:
        """Take the agent's data connection, which has announced itself."""
        self._data = peer
        self.dialect = dialect
        self.readings.open(reader, channels, self._world.monotonic())
        self._step(SessionInput.ARRIVED)

    def announce(self, announced: Iterable[tuple[int, int]]) -> None:
        """Note the places and ids that the agent has announced; see :attr:`announced`."""
        self.announced.update(announced)

    def take(self, block: bytes) -> None:
        """Take a block of samples."""
        self.heard = self._world.monotonic()
        self.readings.take(block, self.heard)

    def is_fed_by(self, peer: IPeer) -> bool:
        """Return True while *peer* is the data connection of this session and the session has not closed it."""
        return peer is self._data

    def data_lost(self, peer: IPeer, reason: str) -> None:
        """Handle the end of the data connection. That of an earlier attempt is ignored."""
        if peer is not self._data:
            return
        self._data = None
        self.readings.count(self._world.monotonic())
        self._fail(f"the data connection ended: {reason}")
        if self._control is not None:
            self._control.gone()
        else:
            self._step(SessionInput.CLOSED)

    # From operators

    @property
    def is_over(self) -> bool:
        """Whether the session has ended for good."""
        return self.state is SessionState.ENDED

    def stop(self, reason: str) -> None:
        """Tell the agent to stop, wait for ``stop_grace``, close the connections, and do not dial again."""
        if self.state is not SessionState.STOPPING and (self.state, SessionInput.STOP) in self.TRANSITIONS:
            self.reason = reason
            self._step(SessionInput.STOP)

    def redial(self) -> None:
        """Dial again at once if the session is resting."""
        self._step(SessionInput.DUE)

    def ping(self) -> bool:
        """Make the agent show a ping. Return False if it is not streaming, or was not dialled."""
        if self.state is not SessionState.STREAMING or self._control is None:
            return False
        self._control.ping()
        return True

    def cut(self, reason: str) -> None:
        """End at once: close all connections without waiting for the agent."""
        self.stop(reason)
        if not self.is_over:
            self._part()

    def describe(self) -> SessionFacts:
        """Facts about the session."""
        return SessionFacts(
            session=self.id,
            agent=self.agent,
            number=self.number,
            host=self.host,
            address=str(self.address),
            state=self.state.value,
            reason=self.reason,
            attempt=self.attempt,
            since=self.since,
            dialect=self.dialect,
            announced=[self.announced[place] for place in sorted(self.announced)],
            channels=self.readings.describe(self._world.monotonic()),
            samples=self.readings.samples,
            bad=self.readings.bad,
            unspanned=self.readings.unspanned,
        )

    def words(self) -> str:
        """The words by which people look for it."""
        return f"{self.agent} {self.host} {self.address} {self.readings.words()}"

    # Transitions

    def _fail(self, reason: str) -> None:
        if self.state in (SessionState.DIALLING, SessionState.AWAITED, SessionState.STREAMING):
            self.reason = reason
            self._step(SessionInput.FAILED if self._world.rules.reconnect and self.is_dialled else SessionInput.GIVEN_UP)

    def _step(self, happened: SessionInput) -> None:
        transition = self.TRANSITIONS.get((self.state, happened))
        if transition is None:
            return
        action, self.state = transition
        self.since = self._world.bus.wall()
        self._arm(None, self._do_dial)
        action(self)
        self._changed()

    def _changed(self) -> None:
        where = (self.id, self.agent, self.host, str(self.address))
        state = (self.state.value, self.attempt, self.reason, self.since)
        changed = StateChanged(*where, *state, self.readings.names())
        self._world.bus.publish(Message(self.subject, changed))
        self._watchers = [watcher for watcher in self._watchers if not watcher(self)]

    def _arm(self, seconds: float | None, ring: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._world.later(seconds, lambda: self._rung(ring))

    def _rung(self, ring: Callable[[], None]) -> None:
        self._timer = None
        ring()

    def _close_all(self) -> None:
        why = self.reason or self.state.value
        data, self._data = self._data, None
        if data is not None:
            data.close(why)
            self.readings.count(self._world.monotonic())
        if self._control is not None:
            self._control.peer.close(why)

    def _part(self) -> None:
        """Close the connections. The next input follows when the agent has closed its side, or after :data:`PARTING`."""
        self._close_all()
        self._arm(0 if self._control is None else PARTING, lambda: self._step(SessionInput.CLOSED))

    # What each input does

    def _do_dial(self) -> None:
        self.attempt += 1
        self._arm(0, self._dial)

    def _do_greet(self) -> None:
        assert self._control is not None
        rules = self._world.rules
        self._control.greet(self.number)
        self._arm(rules.connect_back_timeout, lambda: self._fail(f"did not connect back within {rules.connect_back_timeout:g} s"))

    def _do_stream(self) -> None:
        self.reason = "" if self.is_dialled else self._unasked()
        self.heard = self._streamed_at = self._world.monotonic()
        self._watch_silence()

    def _unasked(self) -> str:
        ids = ", ".join(str(number) for _place, number in sorted(self.announced.items()))
        return f"came unasked, and announced {ids}" if ids else "came unasked, and announced no id"

    def _do_leave(self) -> None:
        if self._control is not None:
            self._control.leave()
            if self._data is None:
                self._control.gone()
        else:
            self._part()

    def _do_wait(self) -> None:
        """Do nothing: the control connection has been told to leave already."""

    def _do_rest(self) -> None:
        self._control = None
        if self._streamed_at is not None and self._world.monotonic() - self._streamed_at >= LASTED:
            self._failures = 0
        self._streamed_at = None
        rules = self._world.rules
        seconds = Backoff(rules.reconnect_delay, rules.max_reconnect_delay).delay(self._failures, self._world.chance())
        self._failures += 1
        self.reason = f"{self.reason}; it is dialled again in {seconds:.1f} s"
        self._arm(seconds, self.redial)

    def _do_end(self) -> None:
        self._control = None
        if self._dialling is not None:
            dialling, self._dialling = self._dialling, None
            dialling.cancel()
        self.readings.count(self._world.monotonic())

    def _dial(self) -> None:
        dialling = self._world.dial(self)
        if self.state is SessionState.DIALLING:
            self._dialling = dialling

    def _watch_silence(self) -> None:
        limit = self._world.rules.idle_timeout
        left = self.heard + limit - self._world.monotonic()
        if left <= 0:
            self._fail(f"was silent for {limit:g} s")
        else:
            self._arm(left, self._watch_silence)

    TRANSITIONS: ClassVar[dict[tuple[SessionState, SessionInput], tuple[SessionAction, SessionState]]] = {
        (SessionState.DIALLING, SessionInput.CONNECTED): (_do_greet, SessionState.AWAITED),
        (SessionState.DIALLING, SessionInput.FAILED): (_do_rest, SessionState.RESTING),
        (SessionState.DIALLING, SessionInput.GIVEN_UP): (_do_end, SessionState.ENDED),
        (SessionState.DIALLING, SessionInput.STOP): (_do_end, SessionState.ENDED),
        (SessionState.AWAITED, SessionInput.ARRIVED): (_do_stream, SessionState.STREAMING),
        (SessionState.AWAITED, SessionInput.FAILED): (_do_leave, SessionState.FAILING),
        (SessionState.AWAITED, SessionInput.GIVEN_UP): (_do_leave, SessionState.STOPPING),
        (SessionState.AWAITED, SessionInput.STOP): (_do_leave, SessionState.STOPPING),
        (SessionState.STREAMING, SessionInput.FAILED): (_do_leave, SessionState.FAILING),
        (SessionState.STREAMING, SessionInput.GIVEN_UP): (_do_leave, SessionState.STOPPING),
        (SessionState.STREAMING, SessionInput.STOP): (_do_leave, SessionState.STOPPING),
        (SessionState.FAILING, SessionInput.CLOSED): (_do_rest, SessionState.RESTING),
        (SessionState.FAILING, SessionInput.STOP): (_do_wait, SessionState.STOPPING),
        (SessionState.STOPPING, SessionInput.CLOSED): (_do_end, SessionState.ENDED),
        (SessionState.RESTING, SessionInput.DUE): (_do_dial, SessionState.DIALLING),
        (SessionState.RESTING, SessionInput.STOP): (_do_end, SessionState.ENDED),
    }
    """The action and the next state of each state and input. An absent pair changes nothing."""
