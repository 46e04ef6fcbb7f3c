"""The service of one ``[forward]``: its options, its position in the state database, and what is told of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from netd.change import Change
from netd.config import section_name
from netd.connection.posting import make_agent
from netd.errors import NetdError
from netd.forward.config import Config
from netd.forward.events import ForwardChanged
from netd.forward.results import ForwardStatus
from netd.forward.sending import MICRO, LineSending
from netd.interfaces import IBus, IHistoryCarrier, INetdService, IPublisher, IReloadable, IStateful, IStatePart, IStateTable
from netd.log import LogLimiter
from netd.message import EventKind, Message
from netd.operations import Operation, Role
from netd.status import Work

__all__ = ["ForwardService", "make_service"]

POSITION = "position"

NOTED = 10.0
"""Seconds within which a new position is on the disk. After a crash, what was sent since is sent again, and does no harm."""

LOOK_EVERY = 1.0
"""Seconds between two looks at the state, which changes by time alone, too."""


def make_service(config: Config, reactor: Any, bus: IBus) -> ForwardService:
    """Build the service of one ``[forward]`` section."""
    section = section_name("forward", config.instance)
    limiter = LogLimiter(reactor.seconds)
    forwarding = LineSending(section, config, None, "", reactor, bus.wall, random.random, limiter)
    return ForwardService(forwarding, reactor, bus)


@implementer(IHistoryCarrier, INetdService, IPublisher, IReloadable, IStateful)
class ForwardService(Service):
    """Sends on what the recorder holds."""

    _log = Logger()

    def __init__(self, forwarding: LineSending, reactor: Any, bus: IBus, make: Callable[..., Any] = make_agent) -> None:
        self.instance = forwarding.config.instance
        self._forwarding = forwarding
        self._reactor = reactor
        self._bus = bus
        self._make_agent = make
        self._table: IStateTable | None = None
        self._told = "sending"
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor
        forwarding.tell = self._moved

    def use_state(self, part: IStatePart) -> None:
        """See :class:`netd.interfaces.IStateful`. Sending goes on where it was."""
        self._table = part.table(POSITION)
        for _, found in self._table.load(1):
            if type(found) is int and found >= 0:
                self._forwarding.position = found

    def use_keepers(self, keepers: Callable[[], Sequence[Any]]) -> None:
        """See :class:`netd.interfaces.IHistoryCarrier`."""
        self._forwarding.keepers = keepers

    def startService(self) -> None:
        """Send from now on. Without a position, from this moment."""
        super().startService()  # type: ignore[no-untyped-call]
        forwarding, config = self._forwarding, self._forwarding.config
        forwarding.agent, forwarding.token = self._make_agent(self._reactor, config.authorities), config.token()
        if forwarding.position is None:
            forwarding.position = round(self._bus.wall() * MICRO)
            self._moved()
        self._reactor.callLater(0, self._begin)
        self._looking.start(LOOK_EVERY, now=False)

    def stopService(self) -> Deferred[None]:
        """Send nothing more. The position is written by then."""
        if self._looking.running:
            self._looking.stop()
        self._forwarding.stop()
        return maybeDeferred(super().stopService)

    def drain(self) -> None:
        """Do nothing: nobody connects."""

    def prepare(self, config: Config, change: Change) -> None:
        """Prepare for *config*: the token and the authority are read again."""
        for option, why in config.objections():
            change.refuse(option, why)
        try:
            agent, token = self._make_agent(self._reactor, config.authorities), config.token()
        except (NetdError, OSError):
            return  # which was among the objections
        forwarding = self._forwarding
        if config != forwarding.config or token != forwarding.token or config.cafile is not None:
            change.when_applied(lambda: forwarding.follow(config, agent, token))

    def operations(self) -> list[Operation]:
        """Return the one operation."""
        return [Operation("forward.status", self.status, Role.VIEWER, "Tell how far what is recorded has been sent on")]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        return [EventKind(f"forward.{self.instance}.state", ForwardChanged)]

    def status(self) -> ForwardStatus:
        """Facts about this service."""
        forwarding = self._forwarding
        state, reason = forwarding.state
        position = None if forwarding.position is None else forwarding.position / MICRO
        counts = {name: forwarding.counts[name] for name in ("sent", "skipped")}
        return ForwardStatus(
            kind="forward",
            instance=self.instance,
            listening=[],
            connections=0,
            counters={
                "lines": counts,
                "requests": forwarding.counts["requests"],
                "failures": forwarding.counts["failed"],
            },
            work=[Work(f"sends to {forwarding.config.place}", state)],
            state=state,
            reason=reason,
            position=position,
            lag=forwarding.lag,
            last_skipped=forwarding.last_skipped,
        )

    def _begin(self) -> None:
        if self.running:
            self._forwarding.start()

    def _moved(self) -> None:
        """Note the position, and tell a new state."""
        if self._table is not None:
            self._table.note(POSITION, self._forwarding.position, NOTED)
        self._look()

    def _look(self) -> None:
        """Publish and log the state, if it is another one."""
        forwarding = self._forwarding
        state, reason = forwarding.state
        if state == self._told:
            return
        self._told = state
        self._bus.publish(
            Message(f"forward.{self.instance}.state", ForwardChanged(state, reason, forwarding.lag, self._bus.wall()))
        )
        how = {"section": forwarding.section, "place": forwarding.config.place, "why": reason}
        if state == "sending":
            self._log.info("{section}: {place} takes everything again", **how)
        elif state == "behind":
            self._log.warn("{section}: {place} is more than a minute behind what is recorded", **how)
        else:
            self._log.warn("{section}: nothing is sent to {place}, and nothing is lost while the recorder keeps it: {why}", **how)
