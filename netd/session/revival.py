"""Dialling the agents of sessions that should be running and are not: after a restart, and after a drain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.logger import Logger

from netd.errors import OperationFailed
from netd.interfaces import ITurnShare
from netd.session.addresses import Address, parse_host
from netd.session.dialer import AgentDialer, resolve
from netd.session.roster import Roster
from netd.session.wanted import WantedSession

__all__ = ["Revival"]


class Revival:
    """Begins the sessions again that *roster* wants.

    :param share: the share of the turn for this: there may be thousands of them.
    :param is_running: returns whether the service still runs.
    """

    _log = Logger()

    def __init__(
        self, roster: Roster, dialer: AgentDialer, reactor: Any, share: ITurnShare, is_running: Callable[[], bool]
    ) -> None:
        self._roster = roster
        self._dialer = dialer
        self._reactor = reactor
        self._share = share
        self._is_running = is_running

    def begin(self) -> None:
        """Dial the agents of all sessions that should be running and are not, a few in each turn."""
        missing = self._roster.wanted.missing()

        def dial() -> Iterator[None]:
            for key, wanted in missing:
                if self._is_running():
                    self._dial(key, wanted)
                yield

        if missing:
            self._share.start_later(dial())

    def _dial(self, key: str, wanted: WantedSession) -> None:
        """Dial one agent. The name of a host is looked up again: without an answer, its last address is dialled."""
        host = parse_host(wanted.host)
        if not isinstance(host, str):
            self._start(key, wanted, host)
            return
        looked_up = resolve(self._reactor, host, self._dialer.rules.dial_timeout)
        chosen = looked_up.addCallback(lambda found: self._roster.agents.choose(host, found))
        chosen.addErrback(lambda _: wanted.address)
        chosen.addCallback(lambda address: self._start(key, wanted, address))

    def _start(self, key: str, wanted: WantedSession, address: Address) -> None:
        if not self._is_running():
            return
        try:
            session = self._roster.start(wanted.host, address, wanted.agent if wanted.is_named else None, wanted.agent)
        except OperationFailed as error:
            self._log.warn("the session with {agent} is not begun again: {error}", agent=wanted.agent, error=error)
            self._roster.wanted.give_up(key)
            return
        self._roster.wanted.adopt(session, key, wanted)
