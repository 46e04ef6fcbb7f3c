"""The sessions that should be running: those that an operator has started and nobody has stopped. A restart dials them again.

An agent that connects without being dialled is not among them: it comes again by itself.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from attrs import evolve, frozen

from netd.interfaces import IStatePart, IStateTable
from netd.session.addresses import Address
from netd.session.names import is_name
from netd.session.session import TelemetrySession

__all__ = ["MOST_WANTED", "WantedSession", "WantedSessions"]

MOST_WANTED = 10_000
"""Sessions that a restart dials again, at most."""

SOON = 1.0
"""Seconds within which another name of an agent is written."""


@frozen
class WantedSession:
    """A session that should be running.

    :ivar host: the host as the operator wrote it.
    :ivar address: the address that *host* resolved to last.
    :ivar agent: the name of the agent.
    :ivar is_named: whether an operator gave that name. Otherwise it is the agent's own, which the agent may change.
    """

    host: str
    address: Address
    agent: str
    is_named: bool


class WantedSessions:
    """The sessions of one service, by a key that is theirs over all restarts."""

    def __init__(self) -> None:
        self._table: IStateTable | None = None
        self._wanted: dict[str, WantedSession] = {}
        self._keys: dict[TelemetrySession, str] = {}

    def load(self, part: IStatePart) -> None:
        """Find the sessions of earlier runs."""
        self._table = part.table("wanted")
        for key, entry in self._table.load(MOST_WANTED):
            wanted = _read(entry)
            if wanted is None:
                self._table.drop(key)
            else:
                self._wanted[key] = wanted

    def missing(self) -> list[tuple[str, WantedSession]]:
        """The sessions that should be running and are not, with their keys."""
        running = set(self._keys.values())
        return [(key, wanted) for key, wanted in self._wanted.items() if key not in running]

    def add(self, session: TelemetrySession, is_named: bool, now: float) -> Any:
        """Note that *session* should be running. Return a Deferred that fires when that is on the disk; None without a state.

        :param is_named: whether an operator gave the name of its agent.
        :param now: the time by the wall clock.
        """
        if self._table is None:
            return None
        key = self._keys.get(session) or f"{int(now * 1e6)}-{session.id}"
        wanted = WantedSession(session.host, session.address, session.agent, is_named)
        self.adopt(session, key, wanted)
        return self._table.put(key, _entry(wanted))

    def adopt(self, session: TelemetrySession, key: str, wanted: WantedSession) -> None:
        """Note that *session* is the session *wanted*, which has *key*."""
        self._keys[session] = key
        self._wanted[key] = wanted
        if session.agent != wanted.agent:
            self.renamed(session)

    def renamed(self, session: TelemetrySession) -> None:
        """The agent of *session* has another name."""
        key = self._keys.get(session)
        if key is not None and self._table is not None:
            self._wanted[key] = evolve(self._wanted[key], agent=session.agent)
            self._table.note(key, _entry(self._wanted[key]), SOON)

    def remove(self, session: TelemetrySession) -> Any:
        """An operator stops *session*. Return a Deferred that fires when that is on the disk; None if nothing was kept.

        If the disk refuses, it is tried again until it takes it: the session is gone, and nobody can stop it once more.
        """
        key = self._keys.pop(session, None)
        if key is None or self._table is None:
            return None
        del self._wanted[key]
        return self._table.remove(key).addErrback(self._refused, key, self._table)

    def _refused(self, why: Any, key: str, table: IStateTable) -> Any:
        table.drop(key, SOON)
        return why

    def give_up(self, key: str) -> None:
        """Forget the session of *key*: it cannot be started any more."""
        del self._wanted[key]
        if self._table is not None:
            self._table.drop(key)

    def ended(self, session: TelemetrySession, is_over: bool) -> None:
        """Note that *session* has ended.

        :param is_over: whether it ended by itself. Otherwise netd has ended it, and should dial it again.
        """
        key = self._keys.pop(session, None)
        if key is not None and is_over:
            self.give_up(key)


def _entry(wanted: WantedSession) -> dict[str, object]:
    return {"host": wanted.host, "address": str(wanted.address), "agent": wanted.agent, "named": wanted.is_named}


def _read(entry: Any) -> WantedSession | None:
    """Return the session of an entry; None if this netd does not understand it."""
    try:
        wanted = WantedSession(str(entry["host"]), ip_address(entry["address"]), entry["agent"], entry["named"] is True)
    except (KeyError, TypeError, ValueError):
        return None
    return wanted if is_name(wanted.agent) else None
