"""The sessions of one service: their ids, the limits on their number, and the session that a connecting agent belongs to."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define

from netd.connection.fairness import Turns
from netd.errors import NoSuchTarget, OperationFailed, ProtocolError
from netd.principal import Kind
from netd.reserved import NOTHING_RESERVED, Reserves
from netd.session.addresses import Address, AllowList, Forbidden
from netd.session.letters import Alphabet
from netd.session.lines import ChannelSpec
from netd.session.names import AgentNames, name_of_host
from netd.session.rules import SessionRules
from netd.session.session import SessionSurroundings, TelemetrySession
from netd.session.states import SessionState
from netd.session.wanted import WantedSessions

__all__ = ["FIRST_DIALECT", "NotExpected", "Roster", "Totals"]

FIRST_DIALECT = 3
"""Ids that each session reserves, at least: agents of the first dialect announce three channels in any case."""

GREATEST_ID = 900_000_000
"""The greatest id. The next one starts again at 1, so that all ids have nine digits at most."""

LONGEST_NUMBER = 20

REMEMBERED = 32
"""Ended sessions that ``session.list`` still shows."""


class NotExpected(ProtocolError):
    """A data connection that matches no session."""

    kind = "not expected"


@define
class Totals:
    """Counts of sessions that have ended; *started* counts all."""

    started: int = 0
    samples: int = 0
    bad: int = 0


class Roster:
    """All sessions of one service.

    :param where: the section and the environment variable that can have the option ``agents``, for error messages.
    :ivar agents: the addresses that may be dialled, or may connect without being dialled.
    :ivar channels: the channels of the configuration.
    :ivar alphabet: the one-letter channels among them, for agents of the first dialect.
    :ivar wanted: the sessions that should be running, also after a restart.
    :ivar is_leaving: whether sessions end because netd stops or drains.
    :ivar turns: shares the time of a turn among the connections that bring samples.
    :ivar reserves: knows which names have credentials.
    """

    def __init__(self, world: SessionSurroundings, where: tuple[str, str] = ("[session]", "NETD_SESSION_AGENTS")) -> None:
        self.world = world
        self._where = where
        self.follow(world.rules)
        self.totals = Totals()
        self.wanted = WantedSessions()
        self.is_leaving = False
        self.reserves: Reserves = NOTHING_RESERVED
        self.turns = Turns(world.receiving, world.monotonic)
        self._sessions: dict[int, TelemetrySession] = {}
        self._numbers: dict[int, TelemetrySession] = {}
        self._names = AgentNames(lambda name: self.reserves.is_reserved(Kind.AGENT, name))
        self._given: set[TelemetrySession] = set()  # sessions whose agents were named by an operator or the configuration
        self._unasked: Counter[Address] = Counter()
        self._ended: deque[TelemetrySession] = deque(maxlen=REMEMBERED)
        self._next_id = 1
        self._when_empty: list[Callable[[], Any]] = []

    def follow(self, rules: SessionRules) -> None:
        """Use *rules* from now on. Live sessions use the new time limits; their channels stay as they were announced."""
        self.world.rules = self.rules = rules
        self.channels = tuple(ChannelSpec(*channel) for channel in rules.channels)
        self.agents = AllowList(rules.agents, self._where)
        self._elsewhere = rules.connect_back_from or ()
        letters = "".join(channel.name for channel in self.channels if len(channel.name) == 1)
        self.alphabet = Alphabet(letters)
        self._stride = max(FIRST_DIALECT, len(letters))

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[TelemetrySession]:
        """The sessions that have not ended, oldest first, then those that have ended lately."""
        yield from self._sessions.values()
        yield from self._ended

    def live(self) -> list[TelemetrySession]:
        """The sessions that have not ended."""
        return list(self._sessions.values())

    def start(self, host: str, address: Address, name: str | None = None, agent: str = "") -> TelemetrySession:
        """Start a session, or dial at once for a session of this address that is resting.

        :param name: the name to give the agent.
        :param agent: the name that it had before a restart, where nobody gives it one.
        :raises OperationFailed: when ``sessions_per_host`` or ``max_sessions`` is reached.
        :raises Forbidden: when *address* may not be dialled.
        """
        self.agents.check(address)
        there = [session for session in self._sessions.values() if session.address == address and session.is_dialled]
        if len(there) >= self.rules.sessions_per_host:
            resting = next((session for session in there if session.state is SessionState.RESTING), None)
            if resting is None:
                ids = ", ".join(str(session.id) for session in there)
                raise OperationFailed(
                    f"{host} has session {ids} ({there[0].state.value}) already; `session.stop {there[0].id}` ends it"
                )
            if name is not None:
                self._given.add(resting)
                self._call(resting, name)
            resting.redial()
            return resting
        session = self._add(host, address, is_dialled=True, name=name, before=agent)
        session.begin()
        return session

    def find(self, which: int | str) -> TelemetrySession:
        """The live session with this id, or with the agent of this name, or at this host.

        :raises NoSuchTarget: when there is none, or several.
        """
        text = str(which).strip()
        session = self._sessions.get(int(text)) if text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER else None
        if session is None:
            session = next((session for session in self._sessions.values() if session.agent == text), None)
        if session is not None:
            return session
        there = [session for session in self._sessions.values() if text in (session.host, str(session.address))]
        if len(there) == 1:
            return there[0]
        if there:
            ids = ", ".join(str(session.id) for session in there)
            raise NoSuchTarget(f"{text} has the sessions {ids}; say which")
        raise NoSuchTarget(f"no session {text!r}; `session.list` lists them")

    def claim(self, id: int | None, address: Address | None) -> TelemetrySession:
        """The session of an agent that connects from *address* and announces *id*, or announces no id (None).

        :raises NotExpected: when no session matches and the agent may not connect without being dialled.
        """
        session = None if id is None else self._numbers.get(id)
        if session is not None and session.expects_agent and self._is_from(address, session):
            return session
        if self.rules.accept_unsolicited and address is not None:
            return self._admit(address)
        if session is None:
            why = "no session was named" if id is None else self._why_unknown(id)
            raise NotExpected(f"{why}; agents that netd has not dialled may come with `accept_unsolicited = yes`")
        if not self._is_from(address, session):
            raise NotExpected(
                f"the agent of session {session.id} was dialled at {session.address}; others may connect back for it"
                " only from the networks of `connect_back_from`"
            )
        raise NotExpected(f"session {session.id} is {session.state.value}, and takes no further data connection")

    def is_awaited(self, id: int, address: Address | None) -> bool:
        """Whether a session waits for an agent that connects from *address* and announces *id*."""
        session = self._numbers.get(id)
        return session is not None and session.expects_agent and self._is_from(address, session)

    def introduce(self, session: TelemetrySession, name: str) -> None:
        """The agent of *session* says its own *name*. An operator, or the configuration, may have given it another."""
        if session not in self._given:
            self._call(session, name)

    def name_of(self, session: TelemetrySession, said: str | None) -> str:
        """Return the name that the agent of *session* gets, before any number is added, if it has *said* one or None."""
        return session.agent if said is None or session in self._given else said

    def when_empty(self, callback: Callable[[], Any]) -> None:
        """Call *callback* when the last live session has ended; at once when there is none."""
        if self._sessions:
            self._when_empty.append(callback)
        else:
            callback()

    def _is_from(self, address: Address | None, session: TelemetrySession) -> bool:
        if address is None:
            return False
        if address.is_loopback and session.address.is_loopback:
            return True  # Debian resolves its own name to 127.0.1.1; an agent that is dialled there connects from 127.0.0.1
        return address == session.address or any(address in network for network in self._elsewhere)

    def _why_unknown(self, id: int) -> str:
        session = self._sessions.get(id)
        if session is None:
            return "no session of that id was started here"
        return f"the agent of session {id} has been dialled again, and was told {session.number}"

    def _admit(self, address: Address) -> TelemetrySession:
        try:
            self.agents.check(address)
            self._check_room(address)
            return self._add(str(address), address, is_dialled=False)
        except (Forbidden, OperationFailed) as error:
            raise NotExpected(f"netd has not dialled it: {error}") from None

    def _check_room(self, address: Address) -> None:
        """Make sure that one more agent may connect without being dialled: half of the places are kept for dialled ones.

        :raises OperationFailed: when a limit is reached.
        """
        most = max(1, self.rules.max_sessions // 2)
        if self._unasked.total() >= most:
            raise OperationFailed(
                f"{most} agents are here that netd has not dialled; they may have half of `max_sessions`, and no more"
            )
        if self._unasked[address] >= self.rules.sessions_per_host:
            raise OperationFailed(f"{address} has as many sessions already as `sessions_per_host` allows")

    def _call(self, session: TelemetrySession, name: str) -> None:
        agent = self._names.exchange(session.agent, name)
        if agent != session.agent:
            session.rename(agent)
            self.wanted.renamed(session)

    def _add(self, host: str, address: Address, is_dialled: bool, name: str | None = None, before: str = "") -> TelemetrySession:
        if len(self._sessions) >= self.rules.max_sessions:
            raise OperationFailed(f"there are {len(self._sessions)} sessions, as many as `max_sessions` allows")
        given = name or {at: called for called, at in self.rules.host_names or ()}.get(str(address))
        agent = self._names.take(given or before or name_of_host(host))
        session = TelemetrySession(self.world, self._allot(), agent, host, address, is_dialled)
        if given:
            self._given.add(session)
        self._sessions[session.id] = self._numbers[session.number] = session
        if not is_dialled:
            self._unasked[address] += 1
        self.totals.started += 1
        session.watch(self._watch)
        return session

    def _allot(self) -> int:
        """An unused id: neither it nor the ids of its channels belong to another live session, and no agent was told it."""
        while self._next_id in self._sessions or self._next_id in self._numbers:
            self._next_id = self._following(self._next_id)
        allotted, self._next_id = self._next_id, self._following(self._next_id)
        return allotted

    def _following(self, id: int) -> int:
        return id + self._stride if id + self._stride <= GREATEST_ID else 1

    def _watch(self, session: TelemetrySession) -> bool:
        if not session.is_over:
            if session.state is SessionState.DIALLING and session.attempt > 1:
                del self._numbers[session.number]
                session.number = self._allot()
                self._numbers[session.number] = session
            return False
        del self._sessions[session.id], self._numbers[session.number]
        self._names.give_back(session.agent)
        self._given.discard(session)
        if not session.is_dialled:
            self._unasked[session.address] -= 1
        self.wanted.ended(session, is_over=not self.is_leaving)
        self._ended.append(session)
        self.totals.samples += session.readings.samples
        self.totals.bad += session.readings.bad
        if not self._sessions:
            waiting, self._when_empty = self._when_empty, []
            for callback in waiting:
                callback()
        return True
